"""Reads user profiles through Redis from the shards: the two functions that a
service starts with.

    python profiles.py 4711 4711 815

prints each profile, whether it came from the cache, and from which shard. The
settings are those of every other program here (environment):

    SCALESTACK_SHARD_MAP          /etc/scalestack/shardmap/map.json
    SCALESTACK_SHARD_CREDENTIALS  /etc/scalestack/shards
    SCALESTACK_REDIS_ADDRESS      localhost:6379 (several servers: cacheslots.py)
    SCALESTACK_REDIS_CREDENTIALS  /etc/scalestack/redis (username and password)
    SCALESTACK_REDIS_CA           (empty; a file of authorities, for a cache with TLS)
    SCALESTACK_CACHE_TTL          3600 (seconds)
"""

import json
import os
import sys
from functools import cache
from pathlib import Path

import redis

import cacheslots
from shards import Shards

# The reference service keeps entries under user_profile:{id} in a format of its
# own, with versions; this example must not get in its way.
KEY = "python:user_profile:{}"

# The shard refuses rather than find nothing where the user is elsewhere.
PROFILE = """
    SELECT scalestack.require_readable(wanted), name, email, version
    FROM (SELECT %s::bigint AS wanted) AS w LEFT JOIN users ON user_id = wanted AND deleted_at IS NULL"""


@cache
def shards():
    return Shards(os.environ.get("SCALESTACK_SHARD_MAP", "/etc/scalestack/shardmap/map.json"),
                  os.environ.get("SCALESTACK_SHARD_CREDENTIALS", "/etc/scalestack/shards"))


@cache
def server(address):
    host, _, port = address.rpartition(":")
    folder = Path(os.environ.get("SCALESTACK_REDIS_CREDENTIALS", "/etc/scalestack/redis"))
    username, password = ((folder / name).read_text().rstrip("\r\n") for name in ("username", "password"))
    authorities = os.environ.get("SCALESTACK_REDIS_CA")
    verified = {"ssl": True, "ssl_ca_certs": authorities, "ssl_check_hostname": True} if authorities else {}
    return redis.Redis(host=host, port=int(port), username=username, password=password, **verified,
                       socket_timeout=0.2, socket_connect_timeout=0.2, decode_responses=True)


def servers(key):
    addresses = os.environ.get("SCALESTACK_REDIS_ADDRESS", "localhost:6379")
    return [server(address) for address in cacheslots.servers(key, addresses)]


def get_shard_connection(user_id):
    """Returns a psycopg connection to the shard that has the user; close it."""
    return shards().connection(user_id)


def get_user_profile(user_id):
    """Returns (profile, source): a dict, or None for no such user; "hit" or "miss".

    A profile that changes is old here for at most the entry's life. Redis may be
    down: every failure is a miss.
    """
    key = KEY.format(user_id)
    try:
        entry = servers(key)[0].get(key)
    except redis.RedisError:
        entry = None
    if entry is not None:
        return json.loads(entry), "hit"
    with get_shard_connection(user_id) as conn:
        _, name, email, version = conn.execute(PROFILE, (user_id,)).fetchone()
    profile = None if version is None else {"id": user_id, "name": name, "email": email, "version": version}
    try:
        servers(key)[0].set(key, json.dumps(profile), ex=int(os.environ.get("SCALESTACK_CACHE_TTL", "3600")))
    except redis.RedisError:
        pass
    return profile, "miss"


def forget_user_profile(user_id):
    """Is called after a committed change, so that the next reader sees it."""
    key = KEY.format(user_id)
    for one in servers(key):
        one.delete(key)


def main():
    for user_id in map(int, sys.argv[1:]):
        profile, source = get_user_profile(user_id)
        print(source, json.dumps(profile))


if __name__ == "__main__":
    main()
