"""A client of the shards, to show the contract of docs/client.md in Python.

It needs psycopg 3 and nothing else. For brevity every call opens a connection;
a service takes psycopg_pool, with one pool for each shard.
"""

import itertools
import json
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

MOVED = "SS001"
# What makes an UPDATE or DELETE that finds no row safe: it holds the key's bucket
# on the shard until the transaction ends, or is refused.
HOLD = "SELECT scalestack.hold(%s)"
# How long a statement follows a user that moves, in seconds.
FOLLOW_FOR = 5.0


class NotAnswered(Exception):
    """Some shards gave no answer, or buckets stayed between two owners."""

    def __init__(self, rows, failures, missing):
        super().__init__(f"{len(failures)} shards gave no answer, {len(missing)} buckets are missing: {failures}")
        self.rows, self.failures, self.missing = rows, failures, missing


def read_credentials(folder):
    """A service's login has another name with another password, and Kubernetes may replace the files between two reads."""
    def read(name):
        return (folder / name).read_text().rstrip("\r\n")

    while True:
        user, password = read("username"), read("password")
        if read("username") == user:
            return user, password


def tls():
    """Takes TLS from the environment, for each connection: libpq's own default would fall back to clear text."""
    settings = {"sslmode": os.environ.get("SCALESTACK_DB_SSLMODE") or "disable"}
    if authorities := os.environ.get("SCALESTACK_DB_SSLROOTCERT"):
        settings["sslrootcert"] = authorities
    return settings


class Shards:
    def __init__(self, map_file, credentials):
        self._file, self._credentials = Path(map_file), Path(credentials)
        # Owners that refusals led to: the map may be ahead of a move or behind.
        self._learned = {}
        self.reload()

    def reload(self):
        """Reads the map again; a service does so whenever the file changes."""
        self._map = json.loads(self._file.read_text())
        if self._map["format"] != 1:
            raise ValueError(f"format {self._map['format']} of {self._file} is not 1")
        self._shards = {shard["id"]: shard for shard in self._map["shards"]}

    def bucket(self, user_id):
        # Python's % is never negative for a positive divisor. In most other
        # languages it is: there ((id % B) + B) % B.
        return user_id % self._map["buckets"]

    def connect(self, shard_id):
        """Connects, and makes sure that this is the shard that the map means."""
        shard = self._shards[shard_id]
        user, password = read_credentials(self._credentials / shard["name"])
        conn = psycopg.connect(
            host=shard["host"], port=shard["port"], dbname=shard["database"], connect_timeout=2, user=user, password=password,
            target_session_attrs="primary", options="-c statement_timeout=3000", **tls())
        found = conn.execute("SELECT cluster, shard_id, buckets, initial_shards FROM scalestack.shard").fetchone()
        wanted = (self._map["cluster"], shard_id, self._map["buckets"], self._map["initialShards"])
        conn.rollback()
        if found != wanted:
            conn.close()
            raise ValueError(f"{shard['name']} is {found} and not {wanted}: wrong map or wrong database")
        return conn

    def verify(self):
        """Refuses shards that own the same buckets: one was restored from before a move."""
        self.fan_out("SELECT 1")

    def read(self, user_id, sql, params=()):
        """Runs one statement that reads one user's rows, and returns them.

        It must ask scalestack.require_readable(user_id) itself.
        """
        return self.follow(user_id, lambda conn: conn.execute(sql, params).fetchall())

    def write(self, user_id, sql, params=()):
        """Runs one statement that changes one user's rows, and returns what it returns."""

        def held(conn):
            # One transaction. Inside "with conn.pipeline():" it is one round trip too.
            conn.execute(HOLD, (user_id,))
            cursor = conn.execute(sql, params)
            return cursor.fetchall() if cursor.description else []

        return self.follow(user_id, held)

    def connection(self, user_id):
        """Returns a connection to the shard that has the user now.

        The user can move later: then statements are refused with MOVED, and a
        new connection is needed. Each transaction that writes begins with HOLD.
        """
        return self.follow(user_id, lambda conn: conn.execute("SELECT scalestack.require_readable(%s)", (user_id,)) and conn, keep=True)

    def follow(self, user_id, do, keep=False):
        """Runs do(connection) in one transaction on the shard that has the user.

        A refusal has no effect and is followed. Nothing else is repeated: after
        a lost connection a write may have happened.
        """
        bucket, epoch, wait = self.bucket(user_id), 0, 0.004
        owner = self._learned.get(bucket, self._map["assignment"][bucket])
        asked, until = self._map["assignment"][bucket], time.monotonic() + FOLLOW_FOR
        for hops in itertools.count():
            if owner in self._shards:
                asked = owner
            elif hops > 0:
                asked = self._another(asked)
            try:
                result = self._once(asked, do, keep)
                self._learned[bucket] = asked
                return result
            except psycopg.Error as error:
                if error.sqlstate != MOVED or time.monotonic() > until:
                    raise
                news = json.loads(error.diag.message_detail or "{}")
            # Late news has a lower epoch than what is known already.
            if news.get("owner") is not None and ((news["epoch"] or 0) > epoch or epoch == 0):
                owner, epoch = news["owner"], news["epoch"] or 0
            if owner not in self._shards:
                self.reload()
            if owner == asked or hops > 8:
                # Nobody takes the bucket for a moment.
                time.sleep(wait * random.uniform(0.5, 1))
                wait = min(2 * wait, 0.064)
                self.reload()

    def _once(self, shard_id, do, keep):
        conn = self.connect(shard_id)
        try:
            result = do(conn)
            conn.commit()
            return result
        except BaseException:
            keep = False
            raise
        finally:
            if not keep:
                conn.close()

    def _another(self, asked):
        """The next shard, for want of the owner that was named.

        It is newer than the map, or has left it. One that left has passed the
        bucket on, and only the shard that it gave it to knows.
        """
        ids = sorted(self._shards)
        return next((i for i in ids if i > asked), ids[0])

    def fan_out(self, sql, params=()):
        """Asks all shards at once and returns all their rows.

        The statement must have a condition that only rows of owned buckets
        pass, see owned().
        """
        until, wait = time.monotonic() + FOLLOW_FOR, 0.004
        while True:
            rows, failures, claims = self._round(sql, params)
            missing = [b for b in range(self._map["buckets"]) if claims.get(b, 0) == 0]
            twice = any(n > 1 for n in claims.values())
            if not failures and not missing and not twice:
                return rows
            if failures or time.monotonic() > until:
                raise NotAnswered(rows, failures, missing)
            # A bucket switched between two shards' snapshots.
            time.sleep(wait * random.uniform(0.5, 1))
            wait = min(2 * wait, 0.064)
            self.reload()

    def owned(self, column="user_id"):
        b = self._map["buckets"]
        return f"(({column} %% {b} + {b}) %% {b} IN (SELECT bucket FROM scalestack.owned_buckets))"

    def _round(self, sql, params):
        rows, failures, claims = [], {}, {}
        with ThreadPoolExecutor(len(self._shards)) as pool:
            asked = {shard["name"]: pool.submit(self._ask, id, sql, params) for id, shard in self._shards.items()}
        for name, answer in asked.items():
            try:
                buckets, found = answer.result()
            except (psycopg.Error, OSError) as error:
                failures[name] = error
                continue
            rows += found
            for bucket in buckets:
                claims[bucket] = claims.get(bucket, 0) + 1
        return rows, failures, claims

    def _ask(self, shard_id, sql, params):
        """What the shard owns and its rows, from one snapshot."""
        with self.connect(shard_id) as conn:
            conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            conn.read_only = True
            owned = conn.execute("SELECT bucket FROM scalestack.owned_buckets").fetchall()
            return [bucket for (bucket,) in owned], conn.execute(sql, params).fetchall()
