"""Two shards, a service that reads their addresses and credentials, and its zone."""

import pulumi
import pulumi_scalestack as scalestack

SHARDS = [0, 1]

base = scalestack.namespace.Namespace("base", name="shop")

postgres = scalestack.postgres.Postgres(
    "postgres",
    namespace=base.name,
    shards=SHARDS,
    max_connections=100,
    storage={"size": "20Gi"},
    resources={"cpu_request": "1", "memory": "1Gi"},
    ingress_from=[{"pods": {"app.kubernetes.io/name": "orders"}}],
)

orders = scalestack.service.Service(
    "orders",
    namespace=base.name,
    image="ghcr.io/example/orders:1.4.0",
    port=8080,
    replicas={"min": 2, "max": 6},
    env={f"SHARD_{i}_HOST": postgres.shards[i].host for i in SHARDS},
    mounts=[
        {"name": f"shard-{i}", "path": f"/etc/shards/{i}", "secret": postgres.shards[i].app_secret}
        for i in SHARDS
    ],
    restart_on=[postgres.checksum],
    ingress_from=[{"namespaces": {"kubernetes.io/metadata.name": "gateway"}}],
    egress_to=[{"pods": {"app.kubernetes.io/name": "postgres"}, "port": 5432}],
)

scalestack.cdn.CDN(
    "edge",
    zone_id=pulumi.Config().require("zoneId"),
    bypass_prefixes=["/orders"],
    rules=[{"ref": "assets", "path": "/assets/*", "edge_ttl": 86400, "browser_ttl": 7200}],
)

pulumi.export("url", orders.url)
pulumi.export("shards", postgres.shards)
