package main

const (
	instance  = `["app.kubernetes.io/instance"]`
	appPolicy = "NetworkPolicy app"
	scaler    = "HorizontalPodAutoscaler app"
)

// crossMutations break what holds between objects of the cluster.
var crossMutations = map[string]mutation{
	"service for nothing": {policy: "selector-matches", says: "Service scalestack/redis: spec.selector is", edits: edits(set("Service redis", "spec.selector"+instance, "rediss"))},
	"budget for nothing": {policy: "selector-matches", says: "PodDisruptionBudget scalestack/spare", edits: edits(
		twin("PodDisruptionBudget app", "spare"), set("PodDisruptionBudget spare", "spec.selector.matchLabels"+instance, "spare"))},
	"policy for nothing": {policy: "selector-matches", says: "NetworkPolicy scalestack/spare: spec.podSelector", edits: edits(
		twin(appPolicy, "spare"), set("NetworkPolicy spare", "spec.podSelector.matchLabels"+instance, "spare"))},
	"policy for another cluster": {policy: "selector-matches", says: "NetworkPolicy scalestack/kafka: spec.podSelector", edits: edits(
		set("NetworkPolicy kafka", `spec.podSelector.matchLabels["strimzi.io/cluster"]`, "kafkaa"))},
	"caller that is not there": {policy: "selector-matches", says: "spec.ingress[0].from[0].podSelector", edits: edits(
		set("NetworkPolicy redis", "spec.ingress[0].from[0].podSelector.matchLabels"+instance, "apps"))},
	"target that is not there": {policy: "selector-matches", says: "spec.egress[1].to[0].podSelector", edits: edits(
		set(appPolicy, "spec.egress[1].to[0].podSelector", map[string]any{"matchExpressions": []any{
			map[string]any{"key": "app.kubernetes.io/name", "operator": "In", "values": []any{"mysql"}}}}))},
	"autoscaler for nothing":     {policy: "selector-matches", says: "Deployment apps, which does not exist", edits: edits(set(scaler, "spec.scaleTargetRef.name", "apps"))},
	"autoscaler of no container": {policy: "selector-matches", says: `container is "web"`, edits: edits(set(scaler, "spec.metrics[0].containerResource.container", "web"))},
	"KEDA for nothing":           {policy: "selector-matches", says: "Deployment mailer, which does not exist", edits: edits(scaled("mailer", 1, 2))},
	"KEDA of no container": {policy: "selector-matches", says: `containerName is "web"`, edits: edits(without(scaler), scaled("app", 3, 10),
		set("ScaledObject spare", "spec.triggers", []any{map[string]any{"type": "cpu", "metadata": map[string]any{"containerName": "web"}}}))},
	"deployment of other pods": {policy: "selector-matches", says: "Deployment scalestack/app: spec.selector is", edits: edits(set(web, "spec.selector.matchLabels"+instance, "other"))},

	"port of another name":     {policy: "service-port", says: `targetPort is "https", allowed: a port of Deployment scalestack/app: 8080 (http, TCP)`, edits: edits(set("Service app", "spec.ports[0].targetPort", "https"))},
	"port number":              {policy: "service-port", says: "targetPort is 6381", edits: edits(set("Service redis", "spec.ports[0].targetPort", 6381.0))},
	"port of another protocol": {policy: "service-port", says: "postgres-shard-0", edits: edits(set("Service postgres-shard-0-headless", "spec.ports[0].protocol", "UDP"))},
	"container without port":   {policy: "service-port", says: "allowed: a port of Deployment scalestack/redis: none", edits: edits(unset(redis, main0+"ports"))},

	"no budget":             {policy: "budget-required", says: "without a PodDisruptionBudget for its up to 10 pods", edits: edits(without("PodDisruptionBudget app"))},
	"no budget under KEDA":  {policy: "budget-required", says: "for its up to 10 pods", edits: edits(without(scaler, "PodDisruptionBudget app"), scaled("app", 3, 10))},
	"two caches, no budget": {policy: "budget-required", says: "Deployment scalestack/redis", edits: edits(set(redis, "spec.replicas", 2.0))},

	"two budgets": {policy: "budget-single", says: "PodDisruptionBudget scalestack/spare: spec.selector is one that selects pods of Deployment scalestack/app, as PodDisruptionBudget scalestack/app does",
		edits: edits(twin("PodDisruptionBudget app", "spare"))},
	"budget beside Strimzi's": {policy: "budget-single", says: "as Strimzi's own does", edits: edits(
		twin("PodDisruptionBudget app", "spare"), set("PodDisruptionBudget spare", "spec.selector", map[string]any{"matchLabels": map[string]any{"strimzi.io/cluster": "kafka"}}))},
	"rollouts without a budget": {policy: "budget-required", says: "Rollout scalestack/app: the workload is without a PodDisruptionBudget for its up to 4 pods", edits: edits(
		without(scaler, "PodDisruptionBudget app"), set(web, "spec.replicas", 4.0), become(web))},

	"floor at the minimum": {policy: "budget-floor", says: "minAvailable is 3, allowed: below 3", edits: edits(
		unset("PodDisruptionBudget app", "spec.maxUnavailable"), set("PodDisruptionBudget app", "spec.minAvailable", 3.0))},
	"floor above the minimum in percent": {policy: "budget-floor", says: `minAvailable is "90%"`, edits: edits(
		unset("PodDisruptionBudget app", "spec.maxUnavailable"), set("PodDisruptionBudget app", "spec.minAvailable", "90%"))},
	"floor at KEDA's minimum": {policy: "budget-floor", says: "minAvailable is 3, allowed: below 3", edits: edits(without(scaler), scaled("app", 3, 10),
		unset("PodDisruptionBudget app", "spec.maxUnavailable"), set("PodDisruptionBudget app", "spec.minAvailable", 3.0))},
	"nothing may go": {policy: "budget-floor", says: "maxUnavailable is 0, allowed: 1 or more", edits: edits(set("PodDisruptionBudget postgres*", "spec.maxUnavailable", 0.0))},

	"no policy of its own":       {policy: "network-covered", says: "Deployment scalestack/app: its traffic is covered by no NetworkPolicy of its own for Ingress", edits: edits(without(appPolicy))},
	"migration without a policy": {policy: "network-covered", says: "Job scalestack/app-migrate", edits: edits(without("NetworkPolicy app-migrate"))},
	"policy for one direction":   {policy: "network-covered", says: "for Egress", edits: edits(set("NetworkPolicy redis", "spec.policyTypes", []any{"Ingress"}))},

	"no default":                {policy: "network-default-deny", says: "not refused for Ingress", edits: edits(without("NetworkPolicy default-deny"))},
	"default for one direction": {policy: "network-default-deny", says: "not refused for Egress", edits: edits(set("NetworkPolicy default-deny", "spec.policyTypes", []any{"Ingress"}))},

	"default that allows all": {policy: "network-default-deny", says: "spec.egress[0] is {}, allowed: the peers and ports", edits: edits(set("NetworkPolicy default-deny", "spec.egress", []any{map[string]any{}}))},
	"default that allows every address": {policy: "network-default-deny", says: "spec.egress[0] is", edits: edits(set("NetworkPolicy default-deny", "spec.egress", []any{
		map[string]any{"to": []any{map[string]any{"ipBlock": map[string]any{"cidr": "128.0.0.0/1"}}}, "ports": []any{map[string]any{"port": 443.0}}}}))},
	"policy that allows all":  {policy: "network-covered", says: "NetworkPolicy scalestack/redis: spec.ingress[0] is {}", edits: edits(set("NetworkPolicy redis", "spec.ingress", []any{map[string]any{}}))},
	"policy that opens Kafka": {policy: "network-covered", says: "NetworkPolicy scalestack/kafka: spec.egress[0] is {}", edits: edits(set("NetworkPolicy kafka", "spec.egress", []any{map[string]any{}}))},
	"rollouts without a policy": {policy: "network-covered", says: "Rollout scalestack/redis: its traffic is covered by no NetworkPolicy", edits: edits(
		without("NetworkPolicy redis"), become(redis))},
	"policy that allows every port to every pod": {policy: "network-covered", says: "NetworkPolicy scalestack/redis: spec.egress[0] is", edits: edits(set("NetworkPolicy redis", "spec.egress", []any{
		map[string]any{"to": []any{map[string]any{"namespaceSelector": map[string]any{}}}, "ports": []any{map[string]any{"port": 1.0, "endPort": 65535.0}}}}))},

	"token mounted":    {policy: "token-used", says: "automountServiceAccountToken is true", edits: edits(set(web, pods+"automountServiceAccountToken", true))},
	"token by default": {policy: "token-used", says: `a RoleBinding for the account "default"`, edits: edits(unset(redis, pods+"automountServiceAccountToken"))},
	"token by the account": {policy: "token-used", says: `a RoleBinding for the account "app"`, edits: edits(
		unset(web, pods+"automountServiceAccountToken"), set("ServiceAccount app", "automountServiceAccountToken", true))},

	"token by a volume": {policy: "token-used", says: "projected.sources[0].serviceAccountToken is a token for the API server", edits: edits(
		set(web, pods+"volumes[0]", projected(map[string]any{"path": "token"})))},
	"token for the API server's name": {policy: "token-used", says: "serviceAccountToken is a token for the API server", edits: edits(
		set(web, pods+"volumes[0]", projected(map[string]any{"path": "token", "audience": "https://kubernetes.default.svc"})))},

	"two autoscalers": {policy: "autoscaler-single", says: "Deployment app, which HorizontalPodAutoscaler scalestack/app scales too", edits: edits(twin(scaler, "spare"))},
	"KEDA beside an autoscaler": {policy: "autoscaler-single", says: "ScaledObject scalestack/spare: spec.scaleTargetRef", edits: edits(
		declare("kubernetes:keda.sh/v1alpha1:ScaledObject", map[string]any{"scaleTargetRef": map[string]any{"name": "app"}, "minReplicaCount": 3.0}))},
	"two of KEDA": {policy: "autoscaler-single", says: "Deployment app, which ScaledObject scalestack/spare scales too", edits: edits(without(scaler), scaled("app", 3, 10), twin("ScaledObject spare", "other"))},
	"KEDA's times without a pod": {policy: "autoscaler-minimum", says: "spec.idleReplicaCount is 0, allowed: at least 3. Fix: remove triggers.lag.scaleToZeroAfterSeconds", edits: edits(without(scaler), scaled("app", 3, 10),
		set("ScaledObject spare", "spec.idleReplicaCount", 0.0))},
	"KEDA's pause": {policy: "autoscaler-minimum", says: `paused-replicas"] is "1", allowed: at least 3`, edits: edits(without(scaler), scaled("app", 3, 10),
		set("ScaledObject spare", `metadata.annotations["autoscaling.keda.sh/paused-replicas"]`, "1"))},
	"KEDA's minimum": {policy: "autoscaler-minimum", says: "spec.minReplicaCount is 1, allowed: at least 3", edits: edits(without(scaler), scaled("app", 1, 10))},

	"object declared twice":           {policy: "one-owner", says: "the object is declared by urn:", edits: edits(twin("ConfigMap redis-config", "redis-config"))},
	"object declared in two versions": {policy: "one-owner", says: "PodDisruptionBudget scalestack/app", edits: edits(twin("PodDisruptionBudget app", "app"), retype("kubernetes:policy/v1beta1:PodDisruptionBudget"))},

	"metrics open by a policy": {policy: "metrics-private", says: "with the metrics port of Deployment scalestack/app", edits: edits(scraped,
		add(appPolicy, "spec.ingress", map[string]any{
			"from":  []any{map[string]any{"ipBlock": map[string]any{"cidr": "0.0.0.0/0"}}},
			"ports": []any{map[string]any{"port": 8000.0, "endPort": 9000.0}},
		}))},
	"metrics open to the edge": {policy: "metrics-private", says: "spec.ingress[1]", edits: edits(
		add(appPolicy, "spec.ingress[1].from", map[string]any{"ipBlock": map[string]any{"cidr": "173.245.48.0/20"}}))},
	"metrics open to a wide block": {policy: "metrics-private", says: "spec.ingress[1]", edits: edits(
		add(appPolicy, "spec.ingress[1].from", map[string]any{"ipBlock": map[string]any{"cidr": "10.0.0.0/7"}}))},
	"metrics and users on one rule": {policy: "metrics-private", says: "spec.ingress[0]", edits: edits(
		add(appPolicy, "spec.ingress[0].from", map[string]any{"ipBlock": map[string]any{"cidr": "0.0.0.0/0"}}),
		add(appPolicy, "spec.ingress[0].ports", map[string]any{"port": "metrics"}))},
	"metrics open by a split block": {policy: "metrics-private", says: "open to the public", edits: edits(scraped,
		add(appPolicy, "spec.ingress", map[string]any{
			"from":  []any{map[string]any{"ipBlock": map[string]any{"cidr": "128.0.0.0/1"}}},
			"ports": []any{map[string]any{"port": 8000.0, "endPort": 9000.0}},
		}))},
	"metrics of Kafka open": {policy: "metrics-private", says: "with the metrics port of Kafka", edits: edits(
		add("NetworkPolicy kafka", "spec.ingress", map[string]any{"ports": []any{map[string]any{"port": 9404.0}}}))},
	"metrics open by a Service": {policy: "metrics-private", says: "Service scalestack/app: spec.ports[0] is a metrics port", edits: edits(scraped,
		set("Service app", "spec.type", "LoadBalancer"), set("Service app", "spec.allocateLoadBalancerNodePorts", false))},
	"metrics open by an Ingress": {policy: "metrics-private", says: `path is "/metrics"`, edits: edits(
		declare("kubernetes:networking.k8s.io/v1:Ingress", ingressTo("/metrics")))},
	"metrics port behind an Ingress": {policy: "metrics-private", says: "backend.service.port is a metrics port", edits: edits(scraped,
		declare("kubernetes:networking.k8s.io/v1:Ingress", ingressTo("/")))},

	"spread over shards": {policy: "spread-within-shard", only: "dev", says: "whenUnsatisfiable is DoNotSchedule over 4 StatefulSets, allowed: ScheduleAnyway", edits: edits(
		set(db, pods+"topologySpreadConstraints[0].whenUnsatisfiable", "DoNotSchedule"))},
	"spread over members of shards": {policy: "spread-within-shard", only: "prod", says: "whenUnsatisfiable is DoNotSchedule over 12 StatefulSets, allowed: ScheduleAnyway", edits: edits(
		set(db, pods+"topologySpreadConstraints[0].whenUnsatisfiable", "DoNotSchedule"))},
}

// projected is a volume with a token, in the place of the app's first.
func projected(token map[string]any) map[string]any {
	return map[string]any{"name": "shard-map", "projected": map[string]any{"sources": []any{map[string]any{"serviceAccountToken": token}}}}
}

// scaled is KEDA for a Deployment.
func scaled(target string, least, most float64) edit {
	return declare("kubernetes:keda.sh/v1alpha1:ScaledObject", map[string]any{
		"scaleTargetRef": map[string]any{"name": target}, "minReplicaCount": least, "maxReplicaCount": most})
}

// scraped says which port of the app serves metrics.
var scraped = set(web, `spec.template.metadata.annotations["prometheus.io/port"]`, "8080")

func ingressTo(path string) map[string]any {
	return map[string]any{"rules": []any{map[string]any{"http": map[string]any{"paths": []any{map[string]any{
		"path": path, "backend": map[string]any{"service": map[string]any{"name": "app", "port": map[string]any{"name": "http"}}},
	}}}}}}
}
