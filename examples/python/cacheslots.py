"""Finds the servers of the cache that a key is for, as docs/cache.md says."""

import hashlib
import zlib


def number(key, servers):
    """The number of the server that has the key, from 0."""
    slot = zlib.crc32(key.encode()) % 16384
    return max(range(servers), key=lambda i: hashlib.sha256(f"{slot}/{i}".encode()).digest())


def servers(key, addresses):
    """The addresses of those that may have the key, as SCALESTACK_REDIS_ADDRESS lists them.

    Read and write at the first. Delete or invalidate at all: there is a second one
    while the number of servers changes.
    """
    layouts = [layout.split(",") for layout in addresses.split(";")]
    return list(dict.fromkeys(layout[number(key, len(layout))] for layout in layouts))
