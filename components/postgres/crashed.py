"""Gives up the lock of a primary whose container has ended: it cannot do so itself.

The kubelet starts the container again, later each time, and Patroni then archives and replays the server's log before it serves. A standby
takes over sooner. The kubelet tells when the last process of the container had ended: if that was after the last renewal of the lock, and
nobody listens where the server did, nobody has the lock, and who may take it is for Patroni to say as ever. A primary that is back
meanwhile has renewed it, or finds that it is gone and promotes nothing.

NAMESPACE  where the shard is
CONFIG     folder with patroni.yml
PAUSE      seconds between two attempts
"""

import datetime
import json
import os
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import apiserver  # noqa: E402

PAUSE = float(os.environ.get("PAUSE", "5"))
# Kubernetes' times have no fractions.
SECOND = datetime.timedelta(seconds=1)


def moment(text):
    return datetime.datetime.fromisoformat(text)


def ended(pod):
    """Returns when the pod's last server had ended, as text, if one has. Of a container that it cannot find any more the kubelet knows nothing."""
    for container in pod.get("status", {}).get("containerStatuses") or []:
        if container["name"] == "postgres":
            end = (container.get("state") or {}).get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
            return end.get("finishedAt") if end.get("reason") != "ContainerStatusUnknown" else None
    return None


def refuses(pod):
    """Tells whether connections to the pod's server are refused. One that is frozen, or cut off, refuses none."""
    server = urllib.parse.urlsplit(json.loads(pod["metadata"]["annotations"]["status"])["conn_url"])
    try:
        socket.create_connection((server.hostname, server.port), timeout=2).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        pass
    return False


def give_up(scope, pod, end):
    """Removes the lock if it is this pod's and was not renewed since. It stays if anything has changed meanwhile."""
    name = pod["metadata"]["name"]
    lock = (apiserver.request("GET", apiserver.path("endpoints", scope)) or {}).get("metadata") or {}
    annotations = lock.get("annotations") or {}
    if annotations.get("leader") != name or moment(annotations["renewTime"]) >= moment(end) + SECOND or not refuses(pod):
        return
    change = {"metadata": {"annotations": {"leader": None}, "resourceVersion": lock["resourceVersion"]}, "subsets": None}
    try:
        apiserver.request("PATCH", apiserver.path("endpoints", scope), change)
    except RuntimeError as error:
        if " 409 " not in str(error):
            raise
        return
    print(f"roles: {name} has ended, and its lock is given up", file=sys.stderr, flush=True)


def watch(settings, scope, known):
    labels = settings["labels"] | {settings["scope_label"]: scope, settings["role_label"]: "primary"}
    for pod in apiserver.watch("pods", labels):
        name, end = pod["metadata"]["name"], ended(pod)
        if end and known.get(name) != end:
            give_up(scope, pod, end)
            known[name] = end


def main():
    with open(os.environ["CONFIG"] + "/patroni.yml", encoding="utf-8") as file:
        settings = json.load(file)
    known = {}
    while True:
        try:
            watch(settings["kubernetes"], settings["scope"], known)
        except Exception as error:  # pylint: disable=broad-except
            print(f"roles: the primary is not watched: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
