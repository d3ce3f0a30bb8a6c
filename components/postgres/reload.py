"""Has this pod's Patroni read its certificate again.

PATRONI  folder of Patroni's settings, the passwords among them
REST     address of its REST API
"""

import base64
import json
import os
import ssl
import urllib.request


def authorization():
    with open(os.environ["PATRONI"] + "/20-passwords.yml", encoding="utf-8") as file:
        login = json.load(file)["restapi"]["authentication"]
    return "Basic " + base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode()


def main():
    # The certificate needs no proof on the way to itself: it may be the one that has expired.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    url = "https://" + os.environ.get("REST", "127.0.0.1:8008") + "/reload"
    request = urllib.request.Request(url, b"", {"Authorization": authorization()}, method="POST")
    with urllib.request.urlopen(request, timeout=5, context=context):
        pass


if __name__ == "__main__":
    main()
