"""Prepares what Kubernetes knows of a shard, before a member's Patroni starts.

It may be killed anywhere and runs again before each start of the pod.

SCOPE      the shard's name, which is that of its Service
NAMESPACE  where it is
MEMBER     0 for the first member
PGDATA     the data folder
CONFIG     folder with dcs.json and patroni.yml
PAUSE      seconds between two attempts
POD        and PATRONI: see replicator.py
"""

import json
import os
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import apiserver  # noqa: E402
import members  # noqa: E402
import replicator  # noqa: E402

PAUSE = float(os.environ.get("PAUSE", "2"))
# A kubelet brings a changed file within two minutes by default.
INTRODUCING = 180


def log(text):
    print("prepare: " + text, file=sys.stderr, flush=True)


def release_service(scope):
    """Removes the addresses that a Service had while it still had a selector.

    Kubernetes leaves them when the selector goes, and half of all connections would
    be sent to a pod that is gone, or to one that is not the primary.
    """
    labels = {"kubernetes.io/service-name": scope, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    apiserver.request("DELETE", apiserver.path("endpointslices", group="/apis/discovery.k8s.io/v1") + apiserver.selected(labels))


def converge(scope, known):
    """Sets the configuration that all members share. An operator's pause stays."""
    if "config" not in known:
        return
    with open(os.environ["CONFIG"] + "/dcs.json", encoding="ascii") as file:
        wanted = json.load(file)
    present = json.loads(known["config"])
    if "pause" in present:
        wanted["pause"] = present["pause"]
    if wanted != present:
        log("changing the configuration that the members share")
        apiserver.annotate(scope + "-config", {"config": json.dumps(wanted)})


def may_found(data):
    """Tells whether this member may found the shard: nobody else does, or two would."""
    if os.environ["MEMBER"] != "0":
        return False
    if os.path.exists(data + "/standby.signal"):
        log("this volume is a standby's, and Patroni's record of the shard is gone: the primary's volume may have more. "
            "docs/high-availability.md says how to choose one")
        return False
    members.check_new(data)
    return True


def prepare():
    scope, data = os.environ["SCOPE"], os.environ["PGDATA"]
    release_service(scope)
    known = apiserver.annotations(scope + "-config")
    converge(scope, known)
    if not members.Member(scope, data, known).settled():
        return False
    if known.get("initialize") or may_found(data):
        return True
    log("waiting for the first member to found the shard")
    return False


def primary(scope):
    """Returns where the pod is that has the lock, by what its Patroni has told of it."""
    name = apiserver.annotations(scope).get("leader")
    pod = name and apiserver.request("GET", apiserver.path("pods", name))
    status = pod and (pod["metadata"].get("annotations") or {}).get("status")
    address = urllib.parse.urlsplit(json.loads(status or "{}").get("conn_url", ""))
    return {"name": name, "host": address.hostname, "port": address.port} if address.hostname else None


def introduce():
    """Waits for a primary of an earlier release: the next member is replaced soon after this one has started, and its place is for one that follows."""
    until = time.monotonic() + INTRODUCING
    while time.monotonic() < until and replicator.introduce(primary(os.environ["SCOPE"])):
        time.sleep(PAUSE)


def main():
    while True:
        try:
            if prepare():
                introduce()
                return
        except (OSError, RuntimeError) as error:
            log(f"the API server: {error}")
        except members.Failed as reason:
            log(str(reason))
            sys.exit(1)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
