"""What a restore asks of each member of a shard with several, before its Patroni starts.

The first member restores; the others set their data aside and copy it. Which restore the shard is at is in a record,
an annotation beside what Patroni keeps in the Endpoints "-config":

begun  the first member ends the other members' pods, then restores and puts the restored data in place. Every other
       start waits
made   data that the restore has not made is set aside before a member starts

Killed anywhere, the next start goes on from the record and the data folder. A restore that is taken back before the
restored data is in place leaves all data and all that Patroni knows as they were.
"""

import json
import os
import shutil
import sys

import apiserver
import datadir

RECORD = "scalestack/restore"
# What Patroni keeps of a cluster's past, in the order in which a restore clears it.
LEADER = ("leader", "acquireTime", "renewTime", "ttl", "transitions", "optime", "slots", "retain_slots", "failsafe")
FAILOVER = ("leader", "member", "scheduled_at")


class Failed(Exception):
    """Why this start ends, for people. The next one tries again."""


def log(text):
    print("prepare: " + text, file=sys.stderr, flush=True)


def programs():
    """Returns the program that restores, where the shard has backups."""
    if not os.path.exists(os.environ["CONFIG"] + "/backup.json"):
        return None
    import restore

    return restore


def called(what, *arguments):
    """Calls what reads the bucket or the volume. Only the API server is asked again without an end."""
    import bucket

    try:
        return what(*arguments)
    except bucket.Refused as reason:
        raise Failed(str(reason)) from reason
    except Exception as error:
        raise Failed(f"restore: {type(error).__name__}: {error}") from error


def check_new(data):
    """Refuses to found an empty shard where there was one with data."""
    restore = programs()
    if restore:
        called(lambda: restore.check_new(restore.bucket.read_settings(), data))


class Member:
    """One member, and what the shard knows of its restores."""

    def __init__(self, scope, data, known):
        self.scope, self.data, self.known = scope, data, known
        self.record = json.loads(known.get(RECORD) or "null")

    def settled(self):
        """Does one step, and returns whether nothing is left to do."""
        if os.environ["MEMBER"] == "0" and not self.first():
            return False
        if not self.record:
            return True
        if self.record["state"] == "begun":
            log(f"waiting for restore {self.record['name']}, which {self.own_pod()} makes: see the log of its container prepare")
            return False
        return self.set_aside()

    # The first member.

    def first(self):
        restore = programs()
        wanted = None
        if restore:
            called(restore.finish, self.data)
            wanted = restore.wanted()
        made = datadir.restores(self.data)
        if self.record and self.record["state"] == "made" and datadir.exists(self.data) and not self.set_aside():
            return False
        if self.record and self.record["state"] == "begun":
            self.go_on(restore, wanted, made)
            return False
        if made and not self.record:
            # Made while the shard had one member.
            self.write({"name": made[-1], "state": "made", "size": 0, "asked": datadir.asked(self.data).get(made[-1])})
        if not wanted:
            return True
        if wanted["name"] in made or self.record and self.record["name"] == wanted["name"]:
            self.check_same(wanted)
            return True
        self.begin(restore, wanted)
        return False

    def check_same(self, wanted):
        """Refuses other values under a name that was made, which would be left undone without a word."""
        known = datadir.asked(self.data)
        if self.record and self.record["name"] == wanted["name"]:
            known = {wanted["name"]: self.record.get("asked")} | known
        other = datadir.other_request(wanted, known.get(wanted["name"]))
        if other:
            raise Failed(other)

    def begin(self, restore, wanted):
        """Begins a restore that can be made. Until here the others serve the shard."""
        if json.loads(self.known.get("config") or "{}").get("pause"):
            raise Failed(f"restore {wanted['name']}: Patroni is paused, and would not start the restored server: patronictl resume")
        asked = called(self.restore, restore, wanted)
        called(asked.check)
        log(f"restore {wanted['name']} begins: every other member of {self.scope} ends now")
        last = self.record and {key: value for key, value in self.record.items() if key != "last"}
        self.write({"name": wanted["name"], "state": "begun", "attempt": called(asked.number), "last": last})

    def go_on(self, restore, wanted, made):
        name = self.record["name"]
        if name in made:
            if self.others_ended():
                self.commit()
        elif restore and wanted and wanted["name"] == name:
            if self.others_ended():
                called(self.make, restore, wanted)
        else:
            self.take_back()

    def restore(self, restore, wanted):
        """Returns the restore as this attempt's."""
        begun = self.record and self.record["state"] == "begun"
        last = self.record["last"] if begun else self.record
        return restore.Restore(restore.bucket.read_settings(), wanted, self.data, begun and self.record["attempt"], last and last["name"])

    def make(self, restore, wanted):
        self.restore(restore, wanted).make()
        restore.finish(self.data)

    def take_back(self):
        log(f"restore {self.record['name']} is taken back: the shard comes back with its data of before")
        shutil.rmtree(self.data + ".restoring", ignore_errors=True)
        self.write(self.record["last"])

    def commit(self):
        """Lets the members start with the restored data. Only the first one may become primary before others have copied it."""
        labels = self.labels()
        apiserver.annotate(self.scope, dict.fromkeys(LEADER), subsets=None)
        apiserver.annotate(self.scope + "-failover", dict.fromkeys(FAILOVER))
        apiserver.annotate(self.scope + "-sync", {"leader": self.own_pod(), "sync_standby": None, "quorum": "0"}, labels)
        name = self.record["name"]
        self.write({"name": name, "state": "made", "size": datadir.size(self.data), "asked": datadir.asked(self.data).get(name)},
                   initialize=datadir.system_identifier(self.data), history=None)
        log(f"restore {self.record['name']} is made: the others copy it")

    def others_ended(self):
        """Ends what runs with data of before. A pod that is gone has ended for certain, and the next of its name waits."""
        others = [pod for pod in apiserver.pods(self.labels()) if pod["metadata"]["name"] != self.own_pod()]
        if "pods" not in self.record:
            # All that were there when the restore had begun. Those that come later find the record.
            self.write(self.record | {"pods": [pod["metadata"]["uid"] for pod in others]})
        left = [pod for pod in others if pod["metadata"]["uid"] in self.record["pods"] or started(pod)]
        for pod in left:
            if "deletionTimestamp" not in pod["metadata"]:
                apiserver.delete_pod(pod)
        if left:
            where = ", ".join(f"{pod['metadata']['name']} on {pod['spec'].get('nodeName', 'no node')}" for pod in left)
            log(f"waiting until {where} has ended: it may take writes until then")
        return not left

    # Every member.

    def set_aside(self):
        """Keeps data of before beside the folder that Patroni copies the restored data to."""
        name = self.record["name"]
        before = f"{self.data}.before-{name}"
        if datadir.exists(self.data) and name not in datadir.restores(self.data):
            if not os.path.exists(before):
                os.rename(self.data, before)
                datadir.sync()
                log(f"the data from before restore {name} is kept in {before} until somebody removes it")
            elif not datadir.cut_off(self.data):
                raise Failed(f"{self.data} is not of restore {name}, and {before} exists: move one of them away")
        if datadir.cut_off(self.data):
            shutil.rmtree(self.data)
        return datadir.exists(self.data) or self.has_room(before)

    def has_room(self, before):
        volume = os.path.dirname(self.data)
        need, free = self.record["size"] + datadir.spare(volume), shutil.disk_usage(volume).free
        if need <= free or not os.path.exists(before):
            return True
        log(f"the volume has {free >> 20} MiB free, and the restored data needs {need >> 20} with what stays free: raise postgres.storage.size, or remove {before}")
        return False

    def own_pod(self):
        return self.scope + "-0"

    def labels(self):
        """Returns those by which Patroni knows the shard's objects."""
        with open(os.environ["CONFIG"] + "/patroni.yml", encoding="utf-8") as file:
            kubernetes = json.load(file)["kubernetes"]
        return kubernetes["labels"] | {kubernetes["scope_label"]: self.scope}

    def write(self, record, **more):
        """Changes the record together with what Patroni reads, in one step."""
        self.record = record
        apiserver.annotate(self.scope + "-config", {RECORD: record and json.dumps(record), **more}, self.labels())


def started(pod):
    """Tells whether a pod's server has ever been started: its container begins again without preparing anything."""
    for container in pod.get("status", {}).get("containerStatuses") or []:
        if container["name"] == "postgres":
            return bool({"running", "terminated"} & (container.get("state") or {}).keys() or container.get("lastState") or container.get("restartCount"))
    return False
