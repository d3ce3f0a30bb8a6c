"""The archive of a shard in a bucket: its settings, its name, and who may write to it.

CONFIG   folder with backup.json, that of this program by default
LIBRARY  folder of barman and boto3
"""

import io
import json
import os
import sys
import zlib

import datadir

sys.path.append(os.environ.get("LIBRARY", "/opt/patroni/lib"))

# In an archive: what verify.py has found.
VERIFIED = "verified.json"
CONFIG = os.environ.get("CONFIG", os.path.dirname(os.path.abspath(__file__)))


class Refused(Exception):
    """A reason for people, after which nothing has changed."""


def run(main, log):
    """Runs a program, whose reason to give up is its last line."""
    try:
        main()
    except Refused as refusal:
        log(str(refusal))
        sys.exit(1)
    except Exception as error:  # pylint: disable=broad-except
        log(f"{type(error).__name__}: {error}")
        sys.exit(1)


def read_settings():
    with open(CONFIG + "/backup.json", encoding="ascii") as file:
        settings = json.load(file)
    export_credentials(settings)
    return settings


def export_credentials(settings):
    """Gives boto3 what the mounted Secret has at this moment, and nothing of what it had before."""
    folder = settings["credentials"]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN") if folder else ():
        os.environ.pop(name, None)
        if os.path.exists(f"{folder}/{name}"):
            with open(f"{folder}/{name}", encoding="utf-8") as file:
                os.environ[name] = file.read().strip()
    if folder:
        os.environ.pop("AWS_CA_BUNDLE", None)
        if os.path.exists(f"{folder}/ca.crt"):
            os.environ["AWS_CA_BUNDLE"] = f"{folder}/ca.crt"
    if settings["region"]:
        os.environ["AWS_DEFAULT_REGION"] = settings["region"]
    if settings["endpoint"]:
        # Checksums of a newer kind than most stores but Amazon's know.
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
        os.environ.setdefault("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")


def options(settings, *, writes):
    """Returns what every command of barman-cloud is told."""
    given = ["--endpoint-url", settings["endpoint"]] if settings["endpoint"] else []
    if writes and settings["encryption"]:
        given += ["--encryption", settings["encryption"]]
    if writes and settings["kmsKey"]:
        given += ["--sse-kms-key-id", settings["kmsKey"]]
    return given


def barman(module, arguments):
    """Runs one of barman-cloud's commands in this process and returns its exit code."""
    try:
        module.main(arguments)
    except SystemExit as end:
        return end.code or 0
    return 0


def archive_name(settings, data):
    """Returns the name of the archive that the data folder's server writes to."""
    return "-".join([settings["archive"]] + datadir.restores(data)[-1:])


def interface(settings):
    """Returns barman's client of the bucket."""
    from barman.cloud_providers.aws_s3 import S3CloudInterface

    return S3CloudInterface(
        url=settings["bucket"],
        encryption=settings["encryption"] or None,
        endpoint_url=settings["endpoint"] or None,
        sse_kms_key_id=settings["kmsKey"] or None,
        read_timeout=30,
    )


class Archive:
    """One archive in the bucket."""

    def __init__(self, settings, name):
        self.name = name
        self.bucket = interface(settings)
        self.place = settings["bucket"].rstrip("/") + "/" + name

    def key(self, *parts):
        return os.path.join(self.bucket.path, self.name, *parts)

    def read(self, key):
        """Returns an object's content, or nothing where there is none."""
        client = self.bucket.s3.meta.client
        try:
            return client.get_object(Bucket=self.bucket.bucket_name, Key=key)["Body"].read()
        except client.exceptions.NoSuchKey:
            return None

    def create(self, key, data):
        """Writes an object that does not exist, or returns False."""
        from barman.cloud_providers import ObjectKeyAlreadyExists

        # A store that does not know conditional writes ignores the condition.
        if self.bucket.check_object_existence(key):
            return False
        try:
            self.bucket.upload_fileobj(io.BytesIO(data), key, fail_if_exists=True)
        except ObjectKeyAlreadyExists:
            return False
        return True

    def owner(self):
        """Returns who the archive belongs to, or nothing for one that nobody has."""
        found = self.read(self.key("owner.json"))
        if found is None:
            return None
        owner = datadir.known(found)
        if not {"system", "made"} <= owner.keys():
            raise Refused(f"{self.place}/owner.json does not say whose the archive is: give it its earlier content back, or choose another postgres.backup.bucket")
        return owner

    def first_keys(self):
        answer = self.bucket.s3.meta.client.list_objects_v2(Bucket=self.bucket.bucket_name, Prefix=self.key(""), MaxKeys=2)
        return [item["Key"] for item in answer.get("Contents", [])]

    def empty(self):
        return not self.first_keys()

    def used(self):
        """Tells whether the archive has more than its owner."""
        return any(key != self.key("owner.json") for key in self.first_keys())

    def claim(self, owner):
        """Makes the archive the owner's, or refuses: it never changes hands."""
        if self.check_owner(owner) is None:
            self.create(self.key("owner.json"), json.dumps(owner).encode())
            self.check_owner(owner)

    def check_owner(self, owner):
        """Returns the archive's owner, or nothing for one that nobody has, and refuses another one's."""
        found = self.owner()
        if found is None and not self.empty():
            # The owner's other program may have claimed it in between, and has written the owner before anything else.
            found = self.owner()
            if found is None:
                raise Refused(f"the archive {self.place} has files, and nothing says whose: choose another postgres.backup.bucket")
        if found is None:
            return None
        different = [name for name in ("system", "attempt") if found.get(name) != owner.get(name) and name in owner]
        if different:
            raise Refused(
                f"the archive {self.place} belongs to another cluster (system identifier {found['system']}, since {found['made']}): "
                "nothing is written over it. Choose another postgres.backup.bucket, or remove that archive if nobody needs it")
        return found

    def objects(self, *parts, after=""):
        """Yields the objects below a folder in the order of their names, from after a name on."""
        pages = self.bucket.s3.meta.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket.bucket_name, Prefix=self.key(*parts), StartAfter=after)
        for page in pages:
            yield from page.get("Contents", [])

    def parents(self, key):
        """Returns, for each timeline of a history that was left, its number and the name of the file of the log in which that happened."""
        text = self.read(key)
        lines = (zlib.decompress(text, wbits=31) if key.endswith(".gz") else text).decode().splitlines()
        left = [line.split("\t")[:2] for line in lines if line.strip() and not line.startswith("#")]
        return [(int(timeline), file_name(timeline, position)) for timeline, position in left]

    def switches(self):
        """Returns, for each timeline that was left, the name of the file of the log in which that happened."""
        pages = self.bucket.s3.meta.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket.bucket_name, Prefix=self.key("wals", ""), Delimiter="/")
        newest = max((item["Key"] for page in pages for item in page.get("Contents", []) if ".history" in item["Key"]), default=None)
        return [name for _, name in self.parents(newest)] if newest else []

    def catalog(self):
        """Returns all base backups."""
        from barman.cloud import CloudBackupCatalog

        return CloudBackupCatalog(self.bucket, self.name).get_backup_list().values()

    def backups(self):
        """Returns the complete base backups, the oldest first."""
        return sorted((b for b in self.catalog() if b.status == "DONE"), key=lambda b: b.end_time)

    def remove_unfinished(self, before):
        """Removes base backups that were killed or failed, and to which nothing was written since a moment, and yields their names."""
        for backup in self.catalog():
            found = [] if backup.status == "DONE" else list(self.objects("base", backup.backup_id, ""))
            if found and max(item["LastModified"] for item in found) < before:
                # What tells of them goes last, so that the next run ends what this one could not.
                for item in sorted(found, key=lambda item: item["Key"].endswith("/backup.info")):
                    self.bucket.s3.meta.client.delete_object(Bucket=self.bucket.bucket_name, Key=item["Key"])
                yield backup.backup_id

    def size(self, backup):
        """Returns the bytes of a base backup as it is stored."""
        return sum(item["Size"] for item in self.objects("base", backup.backup_id, ""))


def verified(archive):
    """Returns when the archive was last verified, in seconds since 1970, 0 if never."""
    return when(archive.read(archive.key(VERIFIED)))


def when(record):
    """Returns the time in a record, 0 without one and for one that cannot be read: the next run writes it anew."""
    at = datadir.known(record or b"").get("at")
    return at if isinstance(at, (int, float)) else 0


def put(archive, path, compression):
    """Archives one file of the log, and never changes one that is there."""
    with open(path, "rb") as file:
        data = file.read()
    name, stored = os.path.basename(path), data
    if compression != "none":
        name, packer = name + ".gz", zlib.compressobj(6, wbits=31)
        stored = packer.compress(data) + packer.flush()
    key = archive.key("wals", folder(os.path.basename(path)), name)
    if archive.create(key, stored):
        return
    present = archive.read(key)
    if compression != "none":
        present = zlib.decompress(present, wbits=31)
    if present != data:
        raise Refused(f"{archive.place} has another {os.path.basename(path)}: another server has written it, and it stays")


def file_name(timeline, position):
    """Returns the file of the log, of 16 MiB, that has a position such as 0/5000148."""
    high, low = (int(part, 16) for part in position.split("/"))
    return f"{int(timeline):08X}{high:08X}{low >> 24:08X}"


def folder(name):
    """Returns the folder that barman looks for a file of the log in."""
    from barman import xlog

    return xlog.hash_dir(name)
