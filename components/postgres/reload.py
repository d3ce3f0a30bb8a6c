"""Has this pod's Patroni read its certificate again. Its settings are those of rest.py."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rest  # noqa: E402

if __name__ == "__main__":
    rest.call("/reload", {})
