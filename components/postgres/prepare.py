"""Prepares what Kubernetes knows of a shard, before a member's Patroni starts.

It may be killed anywhere and runs again before each start of the pod.

SCOPE      the shard's name, which is that of its Service
NAMESPACE  where it is
MEMBER     0 for the first member
PGDATA     the data folder
CONFIG     folder with dcs.json and, with backups, backup.json
ACCOUNT    folder with the token and the certificate of the API server
PAUSE      seconds between two attempts
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ACCOUNT = os.environ.get("ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount/")
PAUSE = float(os.environ.get("PAUSE", "2"))


def log(text):
    print("prepare: " + text, file=sys.stderr, flush=True)


def request(method, path, body=None):
    """Sends one request to the API server. Returns nothing for an object that does not exist."""
    with open(ACCOUNT + "token", encoding="ascii") as file:
        headers = {"Authorization": "Bearer " + file.read().strip(), "Accept": "application/json"}
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/merge-patch+json"
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    host = "[" + host + "]" if ":" in host else host
    url = "https://" + host + ":" + os.environ["KUBERNETES_SERVICE_PORT"] + path
    context = ssl.create_default_context(cafile=ACCOUNT + "ca.crt")
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=10, context=context) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise RuntimeError(f"{method} {path}: {error.code} {error.read(500).decode(errors='replace')}") from error


def endpoints(name):
    return "/api/v1/namespaces/" + os.environ["NAMESPACE"] + "/endpoints/" + name


def release_service(scope):
    """Removes the addresses that a Service had while it still had a selector.

    Kubernetes leaves them when the selector goes, and half of all connections would
    be sent to a pod that is gone, or to one that is not the primary.
    """
    selector = "kubernetes.io/service-name=" + scope + ",endpointslice.kubernetes.io/managed-by=endpointslice-controller.k8s.io"
    path = "/apis/discovery.k8s.io/v1/namespaces/" + os.environ["NAMESPACE"] + "/endpointslices"
    request("DELETE", path + "?labelSelector=" + urllib.parse.quote(selector))


def state(scope):
    """Returns what Patroni keeps of the shard: empty for a shard that it does not know."""
    found = request("GET", endpoints(scope + "-config")) or {}
    return found.get("metadata", {}).get("annotations") or {}


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
        request("PATCH", endpoints(scope + "-config"), {"metadata": {"annotations": {"config": json.dumps(wanted)}}})


def may_found(data):
    """Tells whether this member may found the shard: nobody else does, or two would."""
    if os.environ["MEMBER"] != "0":
        return False
    if os.path.exists(data + "/standby.signal"):
        log("this volume is a standby's, and Patroni's record of the shard is gone: the primary's volume may have more. "
            "docs/high-availability.md says how to choose one")
        return False
    check_archive(data)
    return True


def check_archive(data):
    """Keeps volumes that were lost from becoming an empty shard: with backups the archive of its name tells that it had data."""
    if not os.path.exists(os.environ["CONFIG"] + "/backup.json"):
        return
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import restore

    try:
        restore.check_new(restore.bucket.read_settings(), data)
    except restore.bucket.Refused as reason:
        log(str(reason))
        sys.exit(1)
    except Exception as error:  # pylint: disable=broad-except
        log(f"the archive: {type(error).__name__}: {error}")
        sys.exit(1)


def prepare():
    scope, data = os.environ["SCOPE"], os.environ["PGDATA"]
    release_service(scope)
    known = state(scope)
    converge(scope, known)
    if known.get("initialize") or may_found(data):
        return True
    log("waiting for the first member to found the shard")
    return False


def main():
    while True:
        try:
            if prepare():
                return
        except (OSError, RuntimeError) as error:
            log(f"the API server: {error}")
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
