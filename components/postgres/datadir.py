"""The data folder of a server, whether it runs or not."""

import os
import shutil
import struct
import subprocess
import sys

# In the data folder, so that each standby has it: the names of the restores that made this data, the last one last.
RESTORES = "scalestack.restores"
# What stays free beside restored data: log and temporary files until somebody removes the old folder.
SPARE = 256 << 20


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


def system_identifier(data):
    """Returns what initdb called the cluster, the first field of its control file."""
    with open(f"{data}/global/pg_control", "rb") as file:
        return str(int.from_bytes(file.read(8), sys.byteorder))


def checkpoint(data):
    """Returns the timeline and the position in the log, in bytes, from which the server would begin after a crash."""
    with open(f"{data}/global/pg_control", "rb") as file:
        return struct.unpack_from("=QI", file.read(64), 40)[::-1]


def size(data):
    """Returns the bytes of all files."""
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(data) for name in names)


def spare(volume):
    """Returns the bytes that restored data leaves free: an eighth of a small volume."""
    return min(SPARE, shutil.disk_usage(volume).total // 8)


def sync():
    subprocess.run(["sync"], check=True)
