"""The data folder of a server, whether it runs or not."""

import datetime
import json
import os
import shutil
import struct
import subprocess
import sys
import time

# In the data folder, so that each standby has it: the names of the restores that made this data, the last one last.
RESTORES = "scalestack.restores"
# Beside it: what each of them was asked for. Those from before this file was written are not in it.
ASKED = "scalestack.restores.json"
# What the server's archive_command did last: "worked" is the revision of the settings with which it last archived, "at" since when.
ARCHIVING = "scalestack.archiving"
# PGOPTIONS of sessions that no limit for clients ends, in every version.
UNLIMITED = "-c statement_timeout=0 -c lock_timeout=0 -c idle_session_timeout=0 -c idle_in_transaction_session_timeout=0"
# What a server says to another password than its own.
REFUSED = "password authentication failed"
# What stays free beside restored data: log and temporary files until somebody removes the old folder.
SPARE = 256 << 20


def known(text):
    """Returns the JSON object in a small file, an empty one for anything else: what a crash has left must not be an error for ever."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def replace(path, text, new):
    """Writes a file that is there completely or as before, after a crash of the node too. New is its name until then."""
    with open(new, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(new, path)


def passwords(folder):
    """Returns a role's passwords in a mounted Secret, the current one first: a rotation may not have reached the server yet."""
    found = []
    for name in ("password", "former"):
        if name == "password" or os.path.exists(f"{folder}/{name}"):
            with open(f"{folder}/{name}", encoding="utf-8") as file:
                found += file.read().split()
    return found


def exists(data):
    return os.path.exists(data + "/PG_VERSION")


def cut_off(data):
    """Tells a copy of another member that never was complete: pg_basebackup writes the control file last."""
    return exists(data) and not os.path.exists(data + "/global/pg_control")


def restores(data):
    """Returns the names of the restores that made the data folder."""
    try:
        with open(f"{data}/{RESTORES}", encoding="ascii") as file:
            return file.read().split()
    except FileNotFoundError:
        return []


def asked(data):
    """Returns what the restores that made the data folder were asked for, by their names."""
    try:
        with open(f"{data}/{ASKED}", "rb") as file:
            return known(file.read())
    except FileNotFoundError:
        return {}


def request(ask):
    """Returns what a restore is asked for, in the one form that its values have."""
    moment = ask["to"] if ask["to"] == "latest" else datetime.datetime.fromisoformat(ask["to"]).astimezone(datetime.timezone.utc).isoformat()
    return {"to": moment, "from": ask["from"], "clone": bool(ask.get("clone"))}


def other_request(ask, made):
    """Returns what is wrong with a name that was made with other values, or nothing. What a restore of before was asked for is not known."""
    new = request(ask)
    if not made:
        return None
    source = "fromCluster" if new["clone"] or made["clone"] else "from"
    for key, path in (("to", "to"), ("from", source), ("clone", source)):
        # The archive that was read without being named may be named later.
        if new[key] != made[key] and not (key == "from" and new[key] == made.get("source")):
            was, now = ((value[key] or "nothing") if key != "clone" else (value["from"] or "nothing") for value in (made, new))
            return (f"postgres.restore.{path}: restore {ask['name']} was made with {was}, and is asked for with {now}. "
                    "A name is restored once: choose another postgres.restore.name, or take the old value back")
    return None


def unlimited(data):
    """Returns PGOPTIONS for a session on the data's server. Limits of postgres.settings, of a role or of a database are for the shard's clients."""
    with open(data + "/PG_VERSION", encoding="ascii") as file:
        return UNLIMITED + (" -c transaction_timeout=0" if int(file.read()) >= 17 else "")


def system_identifier(data):
    """Returns what initdb called the cluster, the first field of its control file."""
    with open(f"{data}/global/pg_control", "rb") as file:
        return str(int.from_bytes(file.read(8), sys.byteorder))


def checkpoint(data):
    """Returns the timeline and the position in the log, in bytes, from which the server would begin after a crash."""
    with open(f"{data}/global/pg_control", "rb") as file:
        return struct.unpack_from("=QI", file.read(64), 40)[::-1]


def note_archiving(data, revision, file="", why=""):
    """Notes that a file of the log was archived, or why not. The log counts more than the note: whatever is wrong with that ends nothing."""
    try:
        replace_note(data, {"revision": revision, "file": file, "why": why} if why else None, revision)
    except Exception as error:  # pylint: disable=broad-except
        print(f"backup: {ARCHIVING} is not written: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def replace_note(data, failed, revision):
    path = f"{data}/{ARCHIVING}"
    before = {}
    if os.path.exists(path):
        with open(path, "rb") as file:
            before = known(file.read())
    worked = {key: before[key] for key in ("worked", "at") if key in before}
    if not failed and (before.get("failed") or worked.get("worked") != revision):
        worked = {"worked": revision, "at": time.time()}
    note = worked | ({"failed": failed} if failed else {})
    if note != before:
        # No base backup has this folder, so that none finds a file that is gone a moment later.
        replace(path, json.dumps(note), f"{data}/pg_stat_tmp/{ARCHIVING}")


def size(data):
    """Returns the bytes of all files."""
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(data) for name in names)


def spare(volume):
    """Returns the bytes that restored data leaves free: an eighth of a small volume."""
    return min(SPARE, shutil.disk_usage(volume).total // 8)


def most_log(volume):
    """Returns the bytes of log that a server on it keeps between two checkpoints: what it replays stays until the next one. See tuning.go."""
    return min(max(shutil.disk_usage(volume).total // 10, 128 << 20), 16 << 30)


def sync():
    subprocess.run(["sync"], check=True)
