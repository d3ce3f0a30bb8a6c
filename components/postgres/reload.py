"""Has this pod's Patroni read its settings, and its certificate, again. Its settings are those of rest.py, and of trust.py where Patroni wants a certificate."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rest  # noqa: E402


def reload():
    if "TRUST" not in os.environ:
        rest.call("/reload", {})
        return
    import trust  # pylint: disable=import-outside-toplevel

    trust.adopt()
    try:
        rest.call("/reload", {})
    except OSError:
        # Of an authority that Patroni does not know yet.
        rest.call("/reload", {}, shown=(trust.LOADED,))
    trust.loaded()


if __name__ == "__main__":
    reload()
