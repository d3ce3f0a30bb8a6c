"""Restores the newest base backup of one shard with all log after it, reads every row, and notes the result in the archive.

It takes the shard whose archive was tried longest ago, so that each has its turn, whatever became of the others'.

PGDATA    a folder that does not exist, on an empty volume as large as the shards'
CONFIG    folder with backup.json, postgresql.conf and ARCHIVES
ARCHIVES  file with the name of the first archive of each shard that this image can read, verify.json by default
"""

import io
import json
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bucket  # noqa: E402
import restore  # noqa: E402

# Every page of a table is read, those of its large values too, and with it its checksum compared.
TABLES = """SELECT format('SELECT count(t::text) FROM %I.%I AS t', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' ORDER BY n.nspname, c.relname"""
DATABASES = "SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname"


def log(text):
    print("verify: " + text, file=sys.stderr, flush=True)


class Verification(restore.Restore):
    """A restore whose data is read and thrown away. The bucket has two records of it, and nothing else changes there."""

    def __init__(self, settings, archive, data):
        super().__init__(settings | {"archive": archive}, {"name": "verify", "to": "latest", "from": archive, "clone": True}, data)
        self.rows = self.tables = 0

    def read(self, source):
        backup = self.backup(source)
        self.download(source, backup)
        self.recover(source)
        return backup

    def restored(self, server):
        for database in self.ask_server(server, "postgres", DATABASES):
            for statement in self.ask_server(server, database, TABLES):
                self.rows += int(self.ask_server(server, database, statement)[0])
                self.tables += 1

    @staticmethod
    def ask_server(server, database, statement):
        answer = server.sql(database, statement)
        if answer.returncode:
            raise bucket.Refused(f"{database}: {statement}: {answer.stderr.strip()}")
        return answer.stdout.split("\n")[:-1]


def tried(source):
    """Returns the key of the record of the last try. It is beside the archive, which may have nothing but its owner yet."""
    return source.key().rstrip("/") + ".tried.json"


def last_turn(source):
    """Returns when the archive had its last turn, 0 if never. Earlier versions noted only what went well."""
    return max(bucket.verified(source), bucket.when(source.read(tried(source))))


def write(source, key, record):
    source.bucket.upload_fileobj(io.BytesIO(json.dumps(record).encode()), key)


def longest_ago(settings, archives, data):
    """Returns the shard whose turn it is, the restore of it and its archive. A shard without an archive yet is left out."""
    found = []
    for shard, archive in archives.items():
        asked = Verification(settings, archive, data)
        try:
            source = asked.source()
            found.append((last_turn(source), shard, asked, source))
        except bucket.Refused as reason:
            log(f"{shard} has its turn later: {reason}")
    if not found:
        raise bucket.Refused("no shard has an archive")
    return min(found, key=lambda one: one[:2])[1:]


def main():
    data = os.environ["PGDATA"]
    settings = bucket.read_settings()
    with open(f"{bucket.CONFIG}/{os.environ.get('ARCHIVES', 'verify.json')}", encoding="ascii") as file:
        shard, asked, source = longest_ago(settings, json.load(file), data)
    began = time.time()
    log(f"{shard} has its turn")
    # Before anything can end this program: a shard that cannot be verified keeps no other one waiting.
    write(source, tried(source), {"at": int(began)})
    try:
        backup = asked.read(source)
    finally:
        shutil.rmtree(asked.building, ignore_errors=True)
    result = {"at": int(time.time()), "backup": backup.backup_id, "tables": asked.tables, "rows": asked.rows, "seconds": round(time.time() - began)}
    write(source, source.key(bucket.VERIFIED), result)
    log(f"{shard}: base backup {backup.backup_id} of {source.place} and the log after it hold {asked.rows} rows in {asked.tables} tables; {result['seconds']} s")


if __name__ == "__main__":
    bucket.run(main, log)
