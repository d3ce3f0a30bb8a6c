"""Tells Patroni which authorities sign those who may change something.

Patroni reads their file again only when its path is another one, so its settings name a copy under the name of its content. They
are in a folder of their own, since the mounted ones cannot be written.

PATRONI     folder of Patroni's mounted settings
TRUST       the folder that Patroni reads
TLS_FOLDER  folder with the certificate: current has it
"""

import hashlib
import json
import os

CURRENT = os.environ["TLS_FOLDER"] + "/current/"
TRUST = os.environ["TRUST"] + "/"
# The certificate, with its key, that belongs to the authorities that Patroni knows.
LOADED = TRUST + "loaded.pem"


def read(name):
    with open(CURRENT + name, "rb") as file:
        return file.read()


def replace(path, content):
    """Writes a file at once, for its owner only."""
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    os.replace(path + ".new", path)


def adopt():
    """Has Patroni's settings name the authorities of the current certificate. It is for the caller to have them read."""
    authorities = read("ca.crt")
    path = TRUST + "authorities-" + hashlib.sha256(authorities).hexdigest()[:16] + ".crt"
    replace(path, authorities)
    replace(TRUST + "30-authorities.yml", json.dumps({"restapi": {"cafile": path}}).encode())


def loaded():
    """Notes that Patroni knows the authorities of the current certificate."""
    replace(LOADED, read("tls.key") + b"\n" + read("tls.crt"))


def prepare():
    """Makes the folder before Patroni starts, which then knows what is current."""
    os.makedirs(TRUST, mode=0o700, exist_ok=True)
    for name in ("10-patroni.yml", "20-passwords.yml"):
        if not os.path.lexists(TRUST + name):
            os.symlink(os.environ["PATRONI"] + "/" + name, TRUST + name)
    adopt()
    loaded()


if __name__ == "__main__":
    prepare()
