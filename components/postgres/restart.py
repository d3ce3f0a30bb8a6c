"""Restarts this pod's server, if it is its turn to take less than it has.

A server takes as many connections as it was started with, and a standby may not take fewer than its primary. Members are replaced one
after the other, each as a standby, so a smaller number reaches none of them: the primary has to be restarted where it is, and then
each standby. The same goes for workers, senders, locks and prepared transactions.

Ends with 0 after a restart and with 3 if there was none.

PGDATA   the data folder
POD      name of this pod
MEMBERS  how many there are
PATRONI  and REST: see rest.py
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rest  # noqa: E402

NOT_NOW = 3
# A server ends its sessions and writes a checkpoint first.
PATIENCE = 300


def turn(cluster, pod):
    """Tells whether this member is the next: the primary first, and nobody while another is away or an operator has paused Patroni."""
    members = {member["name"]: member for member in cluster["members"]}
    if cluster.get("pause") or len(members) < int(os.environ["MEMBERS"]):
        return False
    if any(member["state"] not in ("running", "streaming") for name, member in members.items() if name != pod):
        return False
    leaders = [name for name, member in members.items() if member["role"] == "leader"]
    waiting = leaders + sorted(name for name in members if name not in leaders)
    return [name for name in waiting if name == pod or members[name].get("pending_restart")][0] == pod


# What pg_controldata calls the settings of which a standby may not have less than its primary.
CONTROL = {
    "max_connections": "max_connections setting",
    "max_worker_processes": "max_worker_processes setting",
    "max_wal_senders": "max_wal_senders setting",
    "max_prepared_transactions": "max_prepared_xacts setting",
    "max_locks_per_transaction": "max_locks_per_xact setting",
}


def helps(status, control):
    """Tells whether a restart would change anything: a standby takes no less than its control file says, which follows its primary."""
    if not status.get("pending_restart"):
        return False
    if status["role"] in ("primary", "master"):
        return True
    changes = status.get("pending_restart_reason", {})
    return any(name in CONTROL and int(control[CONTROL[name]]) < int(change["old_value"]) for name, change in changes.items())


def control_file():
    program = ["pg_controldata", os.environ["PGDATA"]]
    output = subprocess.run(program, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=True).stdout
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in output.splitlines())}


def main():
    pod = os.environ["POD"]
    if not helps(json.loads(rest.call("/patroni")), control_file()) or not turn(rest.cluster(), pod):
        return NOT_NOW
    print("roles: restarting the server, which has more connections or workers than the shard is to have", file=sys.stderr, flush=True)
    rest.call("/restart", {"restart_pending": True}, timeout=PATIENCE)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"roles: Patroni: {error}", file=sys.stderr, flush=True)
        sys.exit(NOT_NOW)
