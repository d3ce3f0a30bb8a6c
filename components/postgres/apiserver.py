"""The API server, as the account of a member's pod reaches it.

NAMESPACE  where the shard is
ACCOUNT    folder with the token and the certificate of the API server
"""

import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request

ACCOUNT = os.environ.get("ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount/")
# A merge patch removes what is null.
CONTENT = {"PATCH": "application/merge-patch+json"}


def opened(method, path, body=None, timeout=10):
    """Sends one request and returns its answer as a file."""
    with open(ACCOUNT + "token", encoding="ascii") as file:
        headers = {"Authorization": "Bearer " + file.read().strip(), "Accept": "application/json"}
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), CONTENT.get(method, "application/json")
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    host = "[" + host + "]" if ":" in host else host
    url = "https://" + host + ":" + os.environ["KUBERNETES_SERVICE_PORT"] + path
    context = ssl.create_default_context(cafile=ACCOUNT + "ca.crt")
    return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=timeout, context=context)


def request(method, path, body=None):
    """Returns the answer to one request, nothing for an object that does not exist."""
    try:
        with opened(method, path, body) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise RuntimeError(f"{method} {path}: {error.code} {error.read(500).decode(errors='replace')}") from error


def path(kind, name="", group="/api/v1"):
    return f"{group}/namespaces/{os.environ['NAMESPACE']}/{kind}" + (f"/{name}" if name else "")


def selected(labels):
    return "?labelSelector=" + urllib.parse.quote(",".join(f"{key}={value}" for key, value in labels.items()))


def annotations(name):
    """Returns those of an Endpoints object, none of one that does not exist."""
    return ((request("GET", path("endpoints", name)) or {}).get("metadata") or {}).get("annotations") or {}


def annotate(name, values, labels=None, **more):
    """Changes annotations of an Endpoints object, and makes it with labels, if given, where it does not exist."""
    if request("PATCH", path("endpoints", name), {"metadata": {"annotations": values}, **more}) is None and labels is not None:
        kept = {key: value for key, value in values.items() if value is not None}
        request("POST", path("endpoints"), {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name, "labels": labels, "annotations": kept}})


def pods(labels):
    return (request("GET", path("pods") + selected(labels)) or {}).get("items") or []


def watch(kind, labels):
    """Returns the objects that there are and each that changes, for a minute. A server that is gone is found out soon after."""
    with opened("GET", path(kind) + selected(labels) + "&watch=true&timeoutSeconds=60", timeout=70) as answer:
        for line in answer:
            event = json.loads(line)
            if event["type"] in ("ADDED", "MODIFIED"):
                yield event["object"]


def delete_pod(pod):
    """Deletes this pod, and not the one that follows it under its name."""
    meta = pod["metadata"]
    try:
        request("DELETE", path("pods", meta["name"]), {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": meta["uid"]}})
    except RuntimeError as error:
        if " 409 " not in str(error):
            raise
