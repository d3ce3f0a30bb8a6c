"""Tells a deployment whether Patroni is paused. While it is, a server whose pod ends is not started again, and no other member takes over.

Ends with 0 if it is not, and with 1 and the reason if it is or if no member says so. Where no member runs, no pod has anything to lose.

ADDRESSES  of the REST APIs of the shard's members
WAIT       seconds after which it no longer asks
"""

import errno
import http.client
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rest  # noqa: E402

AWAY = (errno.ECONNREFUSED, errno.EHOSTUNREACH, socket.EAI_NONAME, socket.EAI_NODATA)


def away(error):
    """Tells whether nothing runs there. To refuse then would keep a deployment from bringing the shard back."""
    return getattr(getattr(error, "reason", error), "errno", None) in AWAY


def ask(members):
    """Returns whether Patroni is paused, if a member says so, and why the others that run do not."""
    silent = []
    for member in members:
        os.environ["REST"] = member
        try:
            return bool(rest.cluster().get("pause")), []
        except (OSError, ValueError, http.client.HTTPException) as error:
            if not away(error):
                silent.append(f"{member}: {error}")
    return None, silent


def main():
    until = time.monotonic() + float(os.environ.get("WAIT", "60"))
    while True:
        paused, silent = ask(os.environ["ADDRESSES"].split())
        if paused:
            return "Patroni is paused, and would not start a server again whose pod is replaced: patronictl resume, and deploy again"
        if not silent:
            return None
        if time.monotonic() > until:
            return "no member says whether Patroni is paused: " + "; ".join(silent)
        time.sleep(1)


if __name__ == "__main__":
    reason = main()
    if reason:
        print(reason)
        sys.exit(1)
