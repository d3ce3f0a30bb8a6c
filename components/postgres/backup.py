"""Archives a shard's log and makes its base backups.

archive PATH     archives one file of the log (archive_command)
fetch NAME PATH  fetches one from the archive FROM (restore_command)
base             makes a base backup now, and removes what the retention no longer asks for
retain           only removes that
list             shows the archive and the base backups in it
run              makes base backups on time, for ever, and serves metrics

PGDATA   the data folder
CONFIG   folder with backup.json, that of this program by default
SOCKET   folder of the server's socket
LOCAL    folder where fetch looks for what the archive does not have
LEFT     files of the log in which timelines were left: from there on LOCAL may have what no other member had
POD      name of this pod, where the shard has several members
PORT     where run serves metrics
ALIVE    file that tells when run last looked
PAUSE    seconds between two looks
"""

import datetime
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bucket  # noqa: E402
import datadir  # noqa: E402
import rest  # noqa: E402
import segments  # noqa: E402

PAUSE = float(os.environ.get("PAUSE", "15"))
# What failed is tried again after this time, and the bucket's own list is read again.
AGAIN = float(os.environ.get("AGAIN", "300"))
# What base ends with if only the removal failed; barman's own codes are smaller.
UNKEPT = 5


def log(text):
    print("backup: " + text, file=sys.stderr, flush=True)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def own_archive(settings):
    """Returns this server's archive, which belongs to it and to nobody else."""
    data = os.environ["PGDATA"]
    archive = bucket.Archive(settings, bucket.archive_name(settings, data))
    archive.claim({"system": datadir.system_identifier(data), "made": now().isoformat(timespec="seconds")})
    return archive


def archive_file(path):
    settings, data = bucket.read_settings(), os.environ["PGDATA"]
    try:
        bucket.put(own_archive(settings), path, settings["compression"])
    except Exception as error:
        datadir.note_archiving(data, settings["revision"], os.path.basename(path), f"{type(error).__name__}: {error}")
        raise
    datadir.note_archiving(data, settings["revision"])


def fetch(name, path):
    """Fetches a file of the log. 1 says that the log ends before it, 255 ends the recovery: neither a gap nor what cannot be read is the end."""
    from barman.clients import cloud_walrestore

    settings = bucket.read_settings()
    code = bucket.barman(cloud_walrestore, [*bucket.options(settings, writes=False), "--no-partial", settings["bucket"], os.environ["FROM"], name, path])
    if code != 1 or not segments.STORED.fullmatch(name):
        return code if code in (0, 1) else 255
    folder = os.environ.get("LOCAL", "")
    beside = segments.beside(folder, os.environ.get("LEFT", "").split(","))
    if name in beside:
        shutil.copyfile(f"{folder}/{name}", path)
        return 0
    archive = bucket.Archive(settings, os.environ["FROM"])
    if segments.Log(archive, name).goes_on(beside):
        log(f"the log has a gap: {archive.place} has later files than {name}, and not this one")
        return 255
    return 1


def base():
    from barman.clients import cloud_backup

    settings = bucket.read_settings()
    archive = own_archive(settings)
    # A base backup is one long session, which waits for a checkpoint.
    os.environ["PGOPTIONS"] = datadir.unlimited(os.environ["PGDATA"])
    began = time.monotonic()
    compression = ["--gzip"] if settings["compression"] == "all" else []
    code = bucket.barman(cloud_backup, [
        *bucket.options(settings, writes=True), *compression, "--immediate-checkpoint", "--host", os.environ["SOCKET"], "--user", "postgres",
        settings["bucket"], archive.name])
    if code:
        return code
    log(f"made a base backup of {settings['shard']} in {archive.place} in {time.monotonic() - began:.1f} s")
    return retain()


def retain():
    """Removes what no moment of the retention needs, and what base backups that did not end have left since: barman keeps that for ever."""
    from barman.clients import cloud_backup_delete

    try:
        settings = bucket.read_settings()
        archive, days = own_archive(settings), settings["retentionDays"]
        code = bucket.barman(cloud_backup_delete, [
            *bucket.options(settings, writes=False), "--minimum-redundancy", "1", "--retention-policy", f"RECOVERY WINDOW OF {days} DAYS",
            settings["bucket"], archive.name])
        for name in archive.remove_unfinished(now() - datetime.timedelta(days=days)):
            log(f"removed the base backup {name}, which did not end")
    except Exception as error:  # pylint: disable=broad-except
        log(f"retain: {type(error).__name__}: {error}")
        return UNKEPT
    return UNKEPT if code else 0


def show():
    settings = bucket.read_settings()
    archive = bucket.Archive(settings, bucket.archive_name(settings, os.environ["PGDATA"]))
    print(archive.place, json.dumps(archive.owner()))
    found = archive.backups()
    for backup in found:
        print(backup.backup_id, backup.end_time.astimezone(datetime.timezone.utc).isoformat(timespec="seconds"), archive.size(backup) >> 20, "MiB")
    gap = found and segments.Log(archive, found[-1].begin_wal).gap()
    if gap:
        print(f"cannot be restored to now: {gap}")


class Backups:
    """What run knows of the archive."""

    def __init__(self):
        self.settings = {"shard": "", "intervalSeconds": 0}
        self.last, self.due, self.failures, self.read, self.again, self.verified = 0.0, 0.0, 0, 0.0, 0.0, 0.0
        # Since when log is missing, when that was last seen, and whether only this server knows.
        self.since, self.seen, self.own = 0.0, 0.0, False
        # Whether what the retention no longer asks for could not be removed.
        self.unkept = False
        # How long log has waited to be archived, and whether Patroni is paused.
        self.waiting, self.paused = 0.0, False

    def watch(self):
        """Looks at what asks for nobody's patience, while a base backup is made too."""
        alive()
        try:
            known = rest.cluster() if os.environ.get("POD") else {}
            self.paused = bool(known.get("pause"))
            # A standby keeps such files of its time as a primary, and archives none.
            self.waiting = segments.waits(os.environ["PGDATA"]) if primary(known) else 0.0
        except (OSError, ValueError):
            pass

    def look(self):
        """Makes a base backup if one is due and this is the member that makes them."""
        self.settings = bucket.read_settings()
        if not os.path.exists(os.environ["PGDATA"] + "/global/pg_control") or not founded():
            return
        clock = time.time()
        if clock - self.read > AGAIN:
            self.list()
        due = clock >= self.due
        if clock < self.again or not (due or self.unkept):
            return
        if not (self.own or chosen()):
            self.unkept = False
            return
        code = self.child("base" if due else "retain")
        self.unkept = code == UNKEPT or bool(code) and not due
        if code:
            self.failures, self.again = self.failures + (not self.unkept), time.time() + AGAIN
            log("the retention failed, see above" if self.unkept else "the base backup failed, see above")
            self.list()
            return
        self.list()
        if self.since:
            # One that does not end the gap is no reason to make one after the other.
            self.again = time.time() + max(AGAIN, self.settings["intervalSeconds"] / 24)

    def list(self):
        archive = own_archive(self.settings)
        # Before the archive is read: what is archived in between is in one of them.
        waiting = segments.waiting(os.environ["PGDATA"]) if leads() else ()
        found, interval = archive.backups(), self.settings["intervalSeconds"]
        self.look_for_gap(archive, found, waiting)
        self.last = found[-1].end_time.timestamp() if found else 0.0
        made = datetime.datetime.fromisoformat(archive.owner()["made"]).timestamp()
        if self.settings.get("verifySeconds"):
            # One that is new has all of its first turn.
            self.verified = bucket.verified(archive) or made
        self.due, self.read = self.last + interval if found else made, time.time()
        if self.since:
            self.due = min(self.due, self.since)

    def look_for_gap(self, archive, found, waiting):
        """Notes whether the log from the newest base backup to now is or will be in the archive."""
        archived = segments.Log(archive, found[-1].begin_wal) if found else None
        gap = archived and archived.gap(*waiting)
        self.own = bool(gap and waiting and not archived.gap())
        if gap and not self.since:
            log(f"a base backup is due, {archive.place} cannot be restored to now: {gap}")
        self.since = (self.since or time.time()) if gap else 0.0
        self.seen = time.time() if gap else self.seen

    def child(self, command):
        """Runs a command of this program in a process of its own, which gives its memory back."""
        process = subprocess.Popen([sys.executable, "-I", __file__, command])
        while True:
            try:
                return process.wait(timeout=PAUSE)
            except subprocess.TimeoutExpired:
                self.watch()

    def metrics(self):
        labels, text = "{shard=" + json.dumps(self.settings["shard"]) + "} ", ""
        told = [
            ("scalestack_backup_last_timestamp_seconds", "gauge", "When the newest base backup was complete, 0 without one.", self.last),
            ("scalestack_backup_due_timestamp_seconds", "gauge", "When the next base backup is due.", self.due),
            ("scalestack_backup_interval_seconds", "gauge", "Time between two base backups.", self.settings["intervalSeconds"]),
            ("scalestack_backup_failures_total", "counter", "Base backups that failed.", self.failures),
            ("scalestack_backup_retention_fails", "gauge", "Whether the last removal of what the retention no longer asks for failed.", int(self.unkept)),
            ("scalestack_backup_gap_timestamp_seconds", "gauge", "When log after the newest base backup was last missing in the archive, 0 if never.", self.seen),
        ]
        told.append(("scalestack_backup_waiting_seconds", "gauge", "For how long the oldest file of the log has waited to be archived, 0 without one.", self.waiting))
        if os.environ.get("POD"):
            told.append(("scalestack_backup_patroni_paused", "gauge", "Whether Patroni is paused.", int(self.paused)))
        if self.settings.get("verifySeconds"):
            told += [
                ("scalestack_backup_verified_timestamp_seconds", "gauge", "When the archive was last restored and read, or made.", self.verified),
                ("scalestack_backup_verify_interval_seconds", "gauge", "Time between two such restores of a shard.", self.settings["verifySeconds"]),
            ]
        for name, kind, meaning, value in told:
            text += f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n{name}{labels}{value}\n"
        return text


def founded():
    """Tells whether the shard has a primary. Before that Patroni may give up the cluster that it has begun and begin another, which would
    find the archive taken."""
    if not os.environ.get("POD"):
        return True
    try:
        return any(m["role"] in ("leader", "standby_leader") for m in rest.cluster()["members"])
    except OSError:
        return False


def primary(known):
    """Tells whether this is the shard's primary, by what Patroni knows."""
    pod = os.environ.get("POD")
    return not pod or any(m["name"] == pod and m["role"] == "leader" for m in known.get("members", []))


def leads():
    try:
        return primary(rest.cluster() if os.environ.get("POD") else {})
    except OSError:
        return False


def chosen():
    """Tells whether this member makes the base backups: the first standby that follows, or a primary without one."""
    pod = os.environ.get("POD")
    if not pod:
        return True
    members = [m for m in rest.cluster()["members"] if m.get("state") in ("running", "streaming")]
    standbys = sorted(m["name"] for m in members if m["role"] not in ("leader", "standby_leader"))
    return pod in (standbys or [m["name"] for m in members])[:1]


def alive():
    if "ALIVE" in os.environ:
        with open(os.environ["ALIVE"], "w", encoding="ascii") as file:
            file.write(str(int(time.time())))


def serve(backups):
    import http.server

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = backups.metrics().encode() if self.path == "/metrics" else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def programs():
    """Returns the sum of the mounted programs."""
    total = hashlib.sha256()
    for name in (__file__, bucket.__file__, datadir.__file__, segments.__file__):
        with open(name, "rb") as file:
            total.update(file.read())
    return total.digest()


def run():
    backups, began_as = Backups(), programs()
    serve(backups)
    while programs() == began_as:
        backups.watch()
        try:
            backups.look()
        except Exception as error:  # pylint: disable=broad-except
            # Whatever it is, the next look may find it gone; the metrics tell that no backup is made.
            log(f"{type(error).__name__}: {error}")
            backups.again = backups.read = time.time()
            backups.again += AGAIN
        time.sleep(PAUSE)
    log("a new version of this program is there: beginning anew")
    os.execv(sys.executable, [sys.executable, "-I", __file__, "run"])


def main(arguments):
    commands = {"archive": archive_file, "fetch": fetch, "base": base, "retain": retain, "list": show, "run": run}
    if not arguments or arguments[0] not in commands:
        sys.exit(__doc__)
    try:
        return commands[arguments[0]](*arguments[1:])
    except bucket.Refused as reason:
        log(str(reason))
    except Exception as error:  # pylint: disable=broad-except
        log(f"{arguments[0]}: {type(error).__name__}: {error}")
    # To PostgreSQL more than 125 says that nothing is known, and 1 that there is nothing.
    return 255 if arguments[0] == "fetch" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
