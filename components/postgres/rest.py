"""Speaks to this pod's own Patroni, whose certificate needs no proof on the way to itself: it may be the one that has expired.

PATRONI  folder of Patroni's settings, the passwords among them. Without it nothing can be changed
REST     address of its REST API
"""

import base64
import json
import os
import ssl
import urllib.request


def settings(name):
    with open(os.environ["PATRONI"] + "/" + name, encoding="utf-8") as file:
        return json.load(file)


def schemes():
    """Tells how Patroni may be asked. One that is not told reads it nowhere."""
    if "PATRONI" not in os.environ:
        return ("http", "https")
    return ("https",) if "certfile" in settings("10-patroni.yml")["restapi"] else ("http",)


def certificate():
    """Returns the files of the certificate to show for a change and of its key, or nothing where the password is enough."""
    patronictl = settings("10-patroni.yml").get("ctl", {})
    return (patronictl["certfile"], patronictl["keyfile"]) if "certfile" in patronictl else None


def call(path, change=None, timeout=5, shown=None):
    """Returns what Patroni answers; with a change, to a request for it. Another certificate than that of the settings may be shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers, body = {}, None
    if change is not None:
        login = settings("20-passwords.yml")["restapi"]["authentication"]
        headers["Authorization"] = "Basic " + base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode()
        body = json.dumps(change).encode()
        if shown := shown or certificate():
            context.load_cert_chain(*shown)
    failure = None
    for scheme in schemes():
        request = urllib.request.Request(f"{scheme}://{os.environ.get('REST', '127.0.0.1:8008')}{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
                return answer.read()
        except OSError as error:
            failure = error
    raise failure


def cluster():
    """Returns what Patroni knows of all members, as of its last look at its store."""
    return json.loads(call("/cluster"))
