"""The files of the log in an archive: which follow each other, and which are missing."""

import collections
import datetime
import os
import re
import time

import bucket
import datadir

# A file of the log, or the history of a timeline, however it is stored. Parts of files are neither.
STORED = re.compile(r"(?:.*/)?([0-9A-F]{24}|[0-9A-F]{8}\.history)(?:\.gz)?")
SEGMENT = re.compile(r"[0-9A-F]{24}")
SIZE = 16 << 20


def number(name):
    """Returns the place of a file of 16 MiB in the log, whatever its timeline."""
    return int(name[8:16], 16) * 256 + int(name[16:], 16)


def named(timeline, place):
    return f"{timeline:08X}{place // 256:08X}{place % 256:08X}"


def in_folder(folder, wanted):
    """Returns the files of the log in a folder that are wanted, each with its time."""
    found = {}
    for name in os.listdir(folder):
        if SEGMENT.fullmatch(name) and wanted(name):
            try:
                found[name] = datetime.datetime.fromtimestamp(os.stat(f"{folder}/{name}").st_mtime, datetime.timezone.utc)
            except FileNotFoundError:
                pass
    return found


def beside(folder, switches):
    """Returns those of a server's folder, but for what it had after a timeline was left: no other member had that."""
    return in_folder(folder, lambda name: not any(end[:8] == name[:8] and end <= name for end in switches)) if folder else {}


def written(data):
    """Returns a file of the log that the server has certainly written: some names after it are of files that are kept for later."""
    timeline, position = datadir.checkpoint(data)
    return named(timeline, position >> 24)


def waiting(data):
    """Returns the files of the log that the server will archive still, and one that it has written."""
    known = written(data)
    done = {name.removesuffix(".done") for name in os.listdir(data + "/pg_wal/archive_status") if name.endswith(".done")}
    return in_folder(data + "/pg_wal", lambda name: name not in done), known


def waits(data):
    """Returns for how many seconds the oldest file has waited that the server has to archive, 0 without one.

    PostgreSQL counts no failure of a program that is killed or is not there, so that its own counters may stand still with this.
    """
    oldest = now = time.time()
    folder = data + "/pg_wal/archive_status"
    for name in os.listdir(folder):
        if name.endswith(".ready"):
            try:
                oldest = min(oldest, os.stat(f"{folder}/{name}").st_mtime)
            except FileNotFoundError:
                pass
    return now - oldest


class Gap(collections.namedtuple("Gap", "missing until")):
    """Files that are missing though later ones exist, and when the last file before them was archived."""

    def __str__(self):
        first, last = self.missing[0], self.missing[-1]
        named_here = f"{first} is" if first == last else f"{first} to {last}, {len(self.missing)} in all, are"
        return f"its log has a gap, {named_here} missing"


class Log:
    """What an archive has of the log, from the file first on: it need not be there itself."""

    def __init__(self, archive, first):
        self.archive, self.first, self.times, self.histories = archive, first, {}, {}
        # Timelines follow each other in the order of the names, each after its history.
        after = archive.key("wals", bucket.folder(first), first[:-1])
        for item in archive.objects("wals", "", after=after):
            name = STORED.fullmatch(item["Key"])
            if not name:
                continue
            if name[1].endswith(".history"):
                self.histories[int(name[1][:8], 16)] = item["Key"]
            else:
                self.times[name[1]] = item["LastModified"]
        self.start = int(first[:8], 16)
        self.timelines = self.chain()

    def chain(self):
        """Returns the timelines that lead from the first file's to the newest, each with the file's number in which the next one begins."""
        newest = max(self.histories, default=0)
        if newest > self.start:
            chain = [(timeline, number(name)) for timeline, name in self.archive.parents(self.histories[newest])] + [(newest, None)]
            for place, (timeline, _) in enumerate(chain):
                if timeline == self.start:
                    return chain[place:]
        return [(self.start, None)]

    def wanted(self, known):
        """Yields the names, in order, of what a restore reads from the first file to the last one that is known."""
        place = number(self.first)
        for timeline, end in self.timelines:
            if end is None:
                end = 1 + max((number(name) for name in known if int(name[:8], 16) == timeline), default=-1)
            for place in range(place, end):
                yield named(timeline, place)
            place = max(place, end)

    def gap(self, beside=None, reaches=None):
        """Returns what is missing, if anything.

        beside:  files that are known to be elsewhere, each with its time
        reaches: what was written of them, if not all
        """
        there = self.times | (beside or {})
        missing = [f"{timeline:08X}.history" for timeline in range(self.start + 1, max(self.histories, default=0)) if timeline not in self.histories]
        until = None
        for name in self.wanted([*self.times, reaches] if reaches else there):
            if name not in there:
                missing.append(name)
            elif not missing:
                until = there[name]
        return Gap(missing, until) if missing else None

    def goes_on(self, beside=None):
        """Tells whether there is log after the first file, which is missing."""
        if self.first.endswith(".history"):
            return any(timeline > self.start for timeline in self.histories)
        return next(self.wanted([*self.times] + [*(beside or {})]), None) == self.first
