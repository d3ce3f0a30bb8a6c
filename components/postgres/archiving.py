"""Looks, for a deployment, whether shards archive.

before  while no shard has changed: the bucket takes, gives back and removes an object, each archive is its shard's, and no
        restore that was made is asked for with other values. Settings with which a shard archives already are not tried,
        so that people can deploy while the bucket is away
after   waits until each shard has archived with the settings that it was told

SHARDS       a line for each member: name, host, port, database, and what is not read here
CREDENTIALS  folder with <name>/password, and <name>/former with a line for each password that a server may still have
ROLE         the role to log in with
CONFIG       folder with backup.json and archives.json, that of this program by default
PATIENCE     seconds after which it fails
PGSSLMODE    and PGSSLROOTCERT: TLS to the shards, as libpq has it; disable if absent
"""

import base64
import json
import os
import re
import subprocess
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bucket  # noqa: E402
import datadir  # noqa: E402

PAUSE = float(os.environ.get("PAUSE", "3"))


QUESTION = "SELECT scalestack_pod.archiving()"
# Something to archive, also where nobody writes.
SWITCH = "SELECT to_json(pg_create_restore_point('scalestack deployment')::text || ' ' || pg_switch_wal())"

DENIED = ("AccessDenied", "Forbidden", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
          "NoCredentialsError", "PartialCredentialsError")
UNREACHED = ("EndpointConnectionError", "ConnectTimeoutError", "ConnectionClosedError", "ReadTimeoutError", "SSLError")


class Silent(Exception):
    """Why a server does not answer."""


def log(text):
    print("rollout: " + text, file=sys.stderr, flush=True)


def ask(member, statement):
    """Asks a server and returns its answer. The password reaches psql by its environment only."""
    name, host, port, database = member
    mode = os.environ.get("PGSSLMODE", "disable")
    # No certificate has the dot at the end.
    host = host if mode == "disable" else host.removesuffix(".")
    more = {"PGCONNECT_TIMEOUT": "5", "PGSSLMODE": mode, "PGOPTIONS": datadir.UNLIMITED}
    try:
        for password in datadir.passwords(f"{os.environ['CREDENTIALS']}/{name}"):
            more["PGPASSWORD"] = password
            done = subprocess.run(
                ["psql", "--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--host", host, "--port", port, "--username", os.environ["ROLE"],
                 "--dbname", database, "--command", statement],
                env=os.environ | more, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=15, check=False)
            if datadir.REFUSED not in done.stderr:
                break
    except subprocess.TimeoutExpired:
        raise Silent("it accepts a connection and does not answer") from None
    if done.returncode:
        raise Silent(" ".join(done.stderr.split()))
    return json.loads(done.stdout)


def read_shards():
    """Returns the members of each shard."""
    shards = {}
    for line in os.environ["SHARDS"].splitlines():
        member = tuple(line.split()[:4])
        shards.setdefault(re.sub(r"-m\d+$", "", member[0]), []).append(member)
    return shards


def answers(members):
    """Returns what the members of a shard say, each with its member, and why the others are silent. None says anything of a shard that is new."""
    found, silent = [], []
    for member in members:
        try:
            found.append((member, ask(member, QUESTION)))
        except Silent as reason:
            silent.append(f"{member[0]}: {reason}")
    return found, silent


def noted(text):
    """Returns the object in a file that a server has told the bytes of."""
    return datadir.known(base64.b64decode(text or ""))


def worked(found):
    """Returns the revision with which a shard has archived last, or nothing.

    Each member may have been the primary then, and a standby keeps the note that it was copied with: the newest counts. What has failed since
    under other settings takes it back.
    """
    notes = [noted(answer["archiving"]) for _, answer in found]
    newest = max(notes, key=lambda note: (note.get("at", 0), "failed" in note), default={})
    revision = newest.get("worked")
    return revision if newest.get("failed", {}).get("revision", revision) == revision else None


def before(settings, archives):
    said = {}
    for shard, members in read_shards().items():
        said[shard], silent = answers(members)
        for reason in silent:
            log(f"not asked: {reason}")
    for shard, found in said.items():
        check_name(shard, found, archives[shard].get("restore"))
    # Told as well: where backups were off, the last note is of before.
    if any({worked(found)}.union(answer["told"] for _, answer in found) == {settings["revision"]} for found in said.values()):
        log("the shards archive with these settings already")
        return
    for shard, found in said.items():
        proved(settings, archives[shard]["archive"], found[0][1] if found else None)
    log(f"{settings['bucket']} takes, gives back and removes objects")


def check_name(shard, found, wanted):
    """Refuses other values under a restore's name that was made."""
    for _, answer in found[:1] if wanted else []:
        if wanted["name"] in answer["restores"].split():
            other = datadir.other_request(wanted, noted(answer["asked"]).get(wanted["name"]))
            if other:
                raise bucket.Refused(f"{shard}: {other}")


def proved(settings, name, answer):
    """Tries a shard's archive, until it works or nobody waits any longer: credentials may be as new as this program."""
    if answer:
        name = "-".join([name] + answer["restores"].split()[-1:])
    archive, began = bucket.Archive(settings, name), time.monotonic()
    # Beside the archive's folder, which nobody has yet who wrote no owner to it.
    key = archive.key().rstrip("/") + ".probe-" + uuid.uuid4().hex
    while True:
        tried = []
        try:
            probe(archive, key, answer and {"system": answer["system"]}, tried)
            return
        except bucket.Refused:
            raise
        except Exception as error:  # pylint: disable=broad-except
            why = f"postgres.backup.{setting(settings, error)}: {archive.place} ({tried[-1]}): {error}"
        if time.monotonic() - began > float(os.environ["PATIENCE"]):
            raise bucket.Refused(why)
        log(why)
        time.sleep(PAUSE)


def probe(archive, key, owner, tried):
    """Does with an object what archiving, restoring and the retention do."""
    client, place = archive.bucket.s3.meta.client, {"Bucket": archive.bucket.bucket_name, "Key": key}
    tried.append("s3:ListBucket")
    archive.first_keys()
    tried.append("s3:GetObject")
    if owner:
        archive.check_owner(owner)
    tried.append("s3:PutObject")
    archive.create(key, key.encode())
    tried.append("s3:GetObject")
    if archive.read(key) != key.encode():
        raise bucket.Refused(f"postgres.backup.bucket: {archive.place} does not give back what was written")
    tried.append("s3:DeleteObject, which the retention needs")
    client.delete_object(**place)


def setting(settings, error):
    """Returns the setting that is most likely wrong."""
    names = {type(error).__name__, getattr(error, "response", {}).get("Error", {}).get("Code")}
    if names & set(DENIED):
        return "credentialsSecret" if settings["credentials"] else "serviceAccountAnnotations"
    return "endpoint" if names & set(UNREACHED) and settings["endpoint"] else "bucket"


def after(settings, _):
    shards, switched, began = read_shards(), set(), time.monotonic()
    while True:
        waiting = [f"{shard}: {why}" for shard, members in shards.items() if (why := unproved(settings, shard, members, switched))]
        if not waiting:
            log("all shards archive")
            return
        if time.monotonic() - began > float(os.environ["PATIENCE"]):
            raise bucket.Refused(f"after {os.environ['PATIENCE']} s, {'; '.join(waiting)}. PostgreSQL keeps its log until it is archived: "
                                 "correct postgres.backup, or take it back")
        time.sleep(PAUSE)


def unproved(settings, shard, members, switched):
    """Returns why a shard is not known to archive, or nothing. Of several members only the primary archives."""
    found, reasons = answers(members)
    if worked(found) == settings["revision"]:
        return None
    for member, answer in found:
        if answer["standby"]:
            continue
        try:
            if answer["told"] == settings["revision"] and shard not in switched:
                ask(member, SWITCH)
                switched.add(shard)
            reasons.append(state(settings, answer))
        except Silent as reason:
            reasons.append(f"{member[0]}: {reason}")
    return ", ".join(reasons) or "no member is the primary"


def state(settings, answer):
    if answer["told"] != settings["revision"]:
        return "the settings have not reached its pod yet"
    failed = noted(answer["archiving"]).get("failed")
    if failed and failed["revision"] == settings["revision"]:
        return f"it cannot archive {failed['file']} to {settings['bucket']}: {failed['why']}"
    return f"it has archived nothing to {settings['bucket']} since it was told of it (last_failed_wal: {answer['failed']})"


def main():
    settings = bucket.read_settings()
    os.environ.setdefault("AWS_MAX_ATTEMPTS", "2")
    with open(bucket.CONFIG + "/archives.json", encoding="ascii") as file:
        archives = json.load(file)
    {"before": before, "after": after}[sys.argv[1]](settings, archives)


def tell(reason):
    """Leaves the reason where Kubernetes, and so the deployment, shows it."""
    log(reason)
    try:
        with open("/dev/termination-log", "w", encoding="utf-8") as file:
            file.write(reason)
    except OSError:
        pass


if __name__ == "__main__":
    bucket.run(main, tell)
