"""Restores a shard, before its server starts, if its configuration asks for a restore that was not made yet.

It may be killed anywhere: the data folder is not touched before the restored one is complete, promoted and stopped,
and then the two change places by renames, which the next start completes.

PGDATA  the data folder, a child of the volume's root
CONFIG  folder with backup.json, postgresql.conf and, for a restore, restore.json
"""

import datetime
import glob
import json
import os
import shutil
import sys
import tempfile
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bucket  # noqa: E402
import datadir  # noqa: E402
import replay  # noqa: E402
import segments  # noqa: E402
from datadir import exists, sync  # noqa: E402

# By so much the clock of the bucket may be behind the server's.
CLOCKS = datetime.timedelta(minutes=1)


def log(text):
    print("restore: " + text, file=sys.stderr, flush=True)


def wanted():
    """Returns the restore that the configuration asks for, if any."""
    try:
        with open(bucket.CONFIG + "/restore.json", encoding="ascii") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def finish(data):
    """Puts a complete restored folder in the place of the data folder."""
    for restored in glob.glob(glob.escape(data) + ".restored-*"):
        name = restored.removeprefix(data + ".restored-")
        before = f"{data}.before-{name}"
        if os.path.exists(data):
            if exists(data):
                os.rename(data, before)
            else:
                os.rmdir(data)
        os.rename(restored, data)
        sync()
        log(f"restore {name} is in place" + (f"; the data of before is kept in {before} until somebody removes it" if exists(before) else ""))
        for left in glob.glob(glob.escape(data) + ".restore-*.attempt"):
            os.remove(left)


def archives(settings, name):
    """Returns the archives that a shard has: that of this name, which people may have removed, and those that its restores began."""
    first = bucket.Archive(settings, name)
    pages = first.bucket.s3.meta.client.get_paginator("list_objects_v2").paginate(
        Bucket=first.bucket.bucket_name, Prefix=first.key().rstrip("/") + "-", Delimiter="/")
    found = [item["Prefix"].rstrip("/").split("/")[-1] for page in pages for item in page.get("CommonPrefixes", [])]
    # The archive of an attempt that was given up has nothing but its owner.
    return [first] * (not first.empty()) + [one for one in (bucket.Archive(settings, later) for later in found) if one.used()]


class Restore:
    """One restore that was not made yet. Members of a shard know the number of its attempt, and the restore before it."""

    def __init__(self, settings, ask, data, attempt="", last=""):
        self.settings, self.ask, self.data, self.attempt, self.last = settings, ask, data, attempt, last
        self.building = data + ".restoring"
        self.gap, self.log = "", 0
        self.name = ask["name"]
        self.to = None if ask["to"] == "latest" else datetime.datetime.fromisoformat(ask["to"])

    def check(self):
        """Returns what the restore is made of, or refuses one that cannot be made. Nothing that counts is changed."""
        self.check_time()
        source = self.source()
        backup = self.backup(source)
        self.check_name()
        return source, backup

    def backup(self, source):
        """Returns the base backup to begin with, for which there is room."""
        backup = self.choose(source)
        self.check_log(source, backup)
        self.check_room(source, backup)
        return backup

    def make(self):
        source, backup = self.check()
        self.claim(source, backup)
        self.download(source, backup)
        self.recover(source)
        self.remember(source)
        sync()
        os.rename(self.building, f"{self.data}.restored-{self.name}")
        sync()

    def refuse(self, why):
        raise bucket.Refused(f"restore {self.name}: {why}")

    def check_time(self):
        if self.to and self.to > datetime.datetime.now(datetime.timezone.utc):
            self.refuse(f"postgres.restore.to {self.ask['to']} is in the future")

    def source(self):
        """Returns the archive to restore from: the one this data writes to, unless another is named."""
        archive = bucket.Archive(self.settings, self.ask["from"] or self.own_archive())
        if self.ask.get("clone"):
            archive = self.at_the_time(archive)
        elif not self.ask["from"] and not self.last and not exists(self.data):
            known = archives(self.settings, archive.name)
            if len(known) > 1:
                self.refuse("the volume is empty, and the shard had several archives: name one of "
                            f"{', '.join(one.name for one in known)} in postgres.restore.from")
            archive = (known or [archive])[0]
        if archive.empty():
            self.refuse(f"there is no archive {archive.place}")
        return archive

    def own_archive(self):
        """Returns the name of the archive that the shard's data is written to."""
        known = self.last and not exists(self.data)
        return f"{self.settings['archive']}-{self.last}" if known else bucket.archive_name(self.settings, self.data)

    def at_the_time(self, first):
        """Returns the archive that another stack's shard wrote to at the time: each of its restores began one."""
        known, begun = archives(self.settings, first.name), []
        for archive in known:
            made = datetime.datetime.fromisoformat((archive.owner() or {"made": "1970-01-01T00:00:00+00:00"})["made"])
            if not self.to or made <= self.to:
                begun.append((made, archive))
        return max(begun, key=lambda pair: pair[0])[1] if begun else (known or [first])[0]

    def choose(self, source):
        """Returns the newest base backup before the time."""
        found = source.backups()
        if not found:
            self.refuse(f"the archive {source.place} has no base backup")
        before = [b for b in found if not self.to or b.end_time <= self.to]
        if not before:
            self.refuse(f"postgres.restore.to {self.ask['to']} is before the oldest base backup of {source.place}, which was complete at "
                        + found[0].end_time.astimezone(datetime.timezone.utc).isoformat(timespec="seconds"))
        return before[-1]

    def check_log(self, source, backup):
        """Refuses log with a gap before the time: the server would take the gap for the end."""
        folder, switches = self.local(source)
        written = segments.written(self.data) if folder and not datadir.cut_off(self.data) else None
        log = segments.Log(source, backup.begin_wal)
        self.gap, gap, self.log = "", log.gap(segments.beside(folder, switches), written), len(log.times) * segments.SIZE
        if not gap:
            return
        until = gap.until if gap.until and segments.number(gap.missing[0]) > segments.number(backup.end_wal) else None
        reach = f"before {until.astimezone(datetime.timezone.utc).isoformat(timespec='seconds')}, when the last file before the gap was archived" \
            if until else "before this base backup"
        self.gap = f"base backup {backup.backup_id} of {source.place} cannot be restored to {self.ask['to']}: {gap}. " \
                   f"postgres.restore.to can be a moment {reach}, or one after a later base backup"
        if not until or not self.to or self.to > until + CLOCKS:
            self.refuse(self.gap)

    def check_room(self, source, backup):
        """Clears away what an attempt that was killed has left, and asks for room for another."""
        volume = os.path.dirname(self.data)
        shutil.rmtree(self.building, ignore_errors=True)
        size, free = source.size(backup), shutil.disk_usage(volume).free
        log, spare = min(self.log, datadir.most_log(volume)), datadir.spare(volume)
        if size + log + spare > free:
            self.refuse(f"{volume} has {free >> 20} MiB free, and base backup {backup.backup_id} needs {size >> 20} MiB, the log after it {log >> 20} "
                        f"and {spare >> 20} MiB to spare: raise postgres.storage.size, or remove folders of earlier restores")

    def target(self):
        """Returns the archive that the restored shard will write to."""
        return bucket.Archive(self.settings, f"{self.settings['archive']}-{self.name}")

    def number(self):
        """Returns what tells this attempt from another one of the same name: it is on the volume from the first time on."""
        path = f"{self.data}.restore-{self.name}.attempt"
        # One without a word is of before files were written durably. Nobody has claimed an archive by it: that came after the sync.
        if not os.path.exists(path) or not os.path.getsize(path):
            datadir.replace(path, self.attempt or uuid.uuid4().hex, path + ".new")
            sync()
        with open(path, encoding="ascii") as file:
            return file.read()

    def check_name(self):
        archive = self.target()
        owner = archive.owner()
        if owner.get("attempt") != self.number() if owner else not archive.empty():
            self.refuse(f"the archive {archive.place} exists, so a restore of this name was made before: choose another postgres.restore.name")

    def claim(self, source, backup):
        """Takes the archive that the restored shard will write to."""
        owner = source.owner() or {"system": backup.systemid}
        made = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        self.target().claim({"system": owner["system"], "attempt": self.number(), "made": made})

    def download(self, source, backup):
        from barman.clients import cloud_restore

        log(f"{self.name}: downloading base backup {backup.backup_id} of {source.place}")
        os.mkdir(self.building, 0o700)
        if bucket.barman(cloud_restore, [*bucket.options(self.settings, writes=False), self.settings["bucket"], source.name, backup.backup_id, self.building]):
            self.refuse("the download failed, see above")
        # Left by Patroni, if the source had several members, and what the source knew of its archive.
        for name in ("patroni.dynamic.json", "standby.signal", "recovery.signal", datadir.ARCHIVING):
            if os.path.exists(f"{self.building}/{name}"):
                os.remove(f"{self.building}/{name}")
        os.chmod(self.building, 0o700)

    def recover(self, source):
        """Replays the log up to the time and promotes, with a server that nobody else can reach."""
        log(f"{self.name}: replaying the log to {self.ask['to']}")
        with open(self.building + "/recovery.signal", "w", encoding="ascii"):
            pass
        with tempfile.TemporaryDirectory() as private:
            server = replay.Server(self.building, private, self.recovery(source))
            try:
                server.wait()
                self.restored(server)
                server.stop()
            except bucket.Refused as reason:
                self.refuse("; ".join(filter(None, [str(reason), self.gap])))
            finally:
                server.kill()

    def restored(self, server):
        """Is called once the server has replayed the log and takes statements."""
        server.disable_subscriptions()

    def local(self, source):
        """Returns where log is that the old server had not archived yet, and the files in which timelines were left."""
        if exists(self.data) and source.name == bucket.archive_name(self.settings, self.data):
            return f"{self.data}/pg_wal", source.switches()
        return None, []

    def recovery(self, source):
        here = os.path.dirname(os.path.abspath(__file__))
        environment = f"FROM={source.name}"
        folder, switches = self.local(source)
        if folder:
            environment += f" LOCAL={folder} LEFT={','.join(switches)}"
        settings = {
            "restore_command": f"{environment} {sys.executable} -I {here}/backup.py fetch %f %p",
            "recovery_target_timeline": "latest",
            "recovery_target_action": "promote",
        }
        if self.to:
            # Otherwise it would ask for the log of the gap before it has come to the time.
            settings |= {"recovery_prefetch": "off"} if self.gap else {}
            settings["recovery_target_time"] = self.to.astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        return settings

    def remember(self, source):
        """Notes the restore in the restored folder: the server writes to the archive of that name from now on."""
        before = self.data if exists(self.data) else self.building
        names = datadir.restores(before) + [self.name]
        asked = datadir.asked(before) | {self.name: datadir.request(self.ask) | {"source": source.name}}
        with open(f"{self.building}/{datadir.RESTORES}", "w", encoding="ascii") as file:
            file.write("\n".join(names) + "\n")
        with open(f"{self.building}/{datadir.ASKED}", "w", encoding="ascii") as file:
            json.dump(asked, file)


def check_new(settings, data):
    """Refuses to make an empty shard where there was one with data."""
    if exists(data):
        return
    kept = glob.glob(glob.escape(data) + ".before-*")
    if kept:
        raise bucket.Refused(f"{data} is gone, and {kept[0]} is there: move one of them to {data}")
    known = archives(settings, settings["archive"])
    if known:
        raise bucket.Refused(
            f"this volume is empty, and {known[0].place} has the archive of a shard of this name. If the volume was lost, restore it: "
            "postgres.restore with to: latest. If this shard is a new one, choose another postgres.backup.bucket, or remove that archive")


def main():
    data = os.environ["PGDATA"]
    finish(data)
    settings, ask = bucket.read_settings(), wanted()
    if ask and ask["name"] in datadir.restores(data):
        other = datadir.other_request(ask, datadir.asked(data).get(ask["name"]))
        if other:
            raise bucket.Refused(other)
    elif ask:
        Restore(settings, ask, data).make()
        finish(data)
    check_new(settings, data)


if __name__ == "__main__":
    bucket.run(main, log)
