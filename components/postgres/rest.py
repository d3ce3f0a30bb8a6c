"""Speaks to this pod's own Patroni, whose certificate needs no proof on the way to itself: it may be the one that has expired.

PATRONI  folder of Patroni's settings, the passwords among them. Without it nothing can be changed
REST     address of its REST API
"""

import base64
import json
import os
import ssl
import urllib.error
import urllib.request

UNAUTHORIZED = 401


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


def logins():
    """Returns the names and passwords that Patroni may want for a change, those of its settings first: it reads new ones after they were mounted."""
    known = settings("20-passwords.yml")["restapi"]
    login = known["authentication"]
    return [f"{login['username']}:{password}" for password in [login["password"], *known.get("former", [])]]


def call(path, change=None, timeout=5, shown=None):
    """Returns what Patroni answers; with a change, to a request for it. Another certificate than that of the settings may be shown."""
    if change is None:
        return ask(path, None, {}, timeout, None)
    body, failure = json.dumps(change).encode(), None
    for login in logins():
        headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
        try:
            return ask(path, body, headers, timeout, shown or certificate())
        except urllib.error.HTTPError as error:
            if error.code != UNAUTHORIZED:
                raise
            failure = error
    raise failure


def ask(path, body, headers, timeout, shown):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if shown:
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
