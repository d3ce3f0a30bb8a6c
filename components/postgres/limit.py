"""Lets no process of the server have more than so much memory of its own: see server.sh. Patroni runs it after each start of the server.

The process that replays the log is there by then and has no limit: a record of any size that a primary has written can be
replayed. One that is begun anew while the server stays, after the crash of a session, has the limit. If it fails for that, the
server ends, and Patroni starts it without one.

python3 -I limit.py KIB …

PGDATA  the data folder
"""

import os
import re
import resource
import sys

# With the name of the cluster, which Patroni sets, and without.
REPLAYS = re.compile(rb"postgres: ([^ ]+: )?startup ")


def server():
    """Returns the process that starts all others, or nothing if it has ended."""
    try:
        with open(os.environ["PGDATA"] + "/postmaster.pid", encoding="ascii") as file:
            return int(file.readline())
    except FileNotFoundError:
        return None


def children(parent):
    for name in os.listdir("/proc"):
        if name.isdigit() and parent_of(name) == parent:
            yield int(name)


def parent_of(process):
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def title(process):
    with open(f"/proc/{process}/cmdline", "rb") as file:
        return file.read().replace(b"\0", b" ")


def limit(process, size):
    """Sets the soft limit, which archive_command raises again."""
    try:
        if not REPLAYS.match(title(process)):
            most = resource.prlimit(process, resource.RLIMIT_DATA)[1]
            resource.prlimit(process, resource.RLIMIT_DATA, (size if most == resource.RLIM_INFINITY else min(size, most), most))
    except (FileNotFoundError, ProcessLookupError):
        pass


def main():
    size, first = int(sys.argv[1]) << 10, server()
    if first is None:
        return
    # What it starts from now on has the limit.
    limit(first, size)
    for process in children(first):
        limit(process, size)


if __name__ == "__main__":
    main()
