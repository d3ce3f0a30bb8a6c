"""The role with which the members of a shard follow each other: it may read all of the server, and change nothing.

make       makes it here, at the primary
introduce  makes it at a primary of an earlier release, which does not: nobody could follow that one from here
founded    ends well once this member has the lock

SOCKET   folder of the server's socket
POD      name of this pod
PATRONI  and REST: see rest.py
"""

import base64
import hashlib
import hmac
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import rest  # noqa: E402

# What pg_rewind reads the other's files with.
READS = (
    "pg_ls_dir(text, boolean, boolean)", "pg_stat_file(text, boolean)", "pg_read_binary_file(text)",
    "pg_read_binary_file(text, bigint, bigint, boolean)")
# No statement is written to a log, and none waits for a standby that waits for this role.
QUIET = ("-c synchronous_commit=local -c log_statement=none -c log_min_error_statement=panic -c log_min_duration_statement=-1 "
         "-c statement_timeout=0 -c lock_timeout=10s")
NO_ENTRY, REFUSED, REJECTED = "no pg_hba.conf entry", "authentication failed", "pg_hba.conf rejects"


def logins():
    return rest.settings("20-passwords.yml")["postgresql"]["authentication"]


def verifier(password):
    """Returns what the server keeps of a password, which so reaches no other server in clear text."""
    salt, rounds = os.urandom(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    salt, stored, server = (base64.b64encode(part).decode() for part in (salt, stored, hmac.digest(salted, b"Server Key", "sha256")))
    return f"SCRAM-SHA-256${rounds}:{salt}${stored}:{server}"


def making(login):
    name = login["username"]
    return (f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {name}; END IF; END $$;\n"
            f"ALTER ROLE {name} WITH LOGIN REPLICATION NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD '{verifier(login['password'])}';\n"
            f"GRANT EXECUTE ON FUNCTION {', '.join(READS)} TO {name};\n")


def sql(place, statements, password="", options=QUIET):
    """Returns what a server answers, and why it does not. The password is in neither."""
    program = ["psql", "--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file=-", "--dbname", place]
    environment = {**os.environ, "PGOPTIONS": options, "PGCONNECT_TIMEOUT": "5"}
    environment["PGPASSWORD"] = password
    try:
        done = subprocess.run(program, input=statements, capture_output=True, text=True, check=False, timeout=20, env=environment)
    except subprocess.TimeoutExpired:
        return "", "no answer within 20 s"
    return (done.stdout.strip(), "") if done.returncode == 0 else ("", done.stderr.strip() or f"psql ended with {done.returncode}")


def make():
    _, complaint = sql(f"host={os.environ['SOCKET']} user=postgres dbname=postgres", making(logins()["replication"]))
    if complaint:
        log(complaint)
    return 1 if complaint else 0


def at(member, login, more=""):
    """Returns where and as whom to log in, in libpq's words."""
    tls = [f"{name}={login[name]}" for name in ("sslmode", "sslrootcert") if name in login]
    return " ".join([f"host={member['host']} port={member['port']} dbname=postgres user={login['username']}", *tls, more])


def primary():
    """Returns who leads, as far as this member's Patroni knows."""
    return next((m for m in rest.cluster()["members"] if m["role"] == "leader"), None)


def introduce(primary):
    """Returns whether a primary has just been told of the role, and may not take it yet."""
    if not primary or primary["name"] == os.environ["POD"] or "host" not in primary:
        return False
    known = logins()
    role, superuser = known["replication"], known["superuser"]
    _, refusal = sql(at(primary, role, "replication=true"), "IDENTIFY_SYSTEM;", role["password"], options="")
    if NO_ENTRY not in refusal and REFUSED not in refusal:
        return False

    def as_superuser(statements):
        return sql(at(primary, superuser), statements, superuser["password"])

    found, complaint = as_superuser(f"SELECT count(*) FROM pg_roles WHERE rolname = '{role['username']}';")
    if REJECTED in complaint or not complaint and found != "0" and NO_ENTRY not in refusal:
        # It knows the role by the password of before, or of after: its own pod has that.
        return False
    if found == "0":
        _, complaint = as_superuser(making(role))
    if NO_ENTRY in refusal and not complaint:
        # The file may have come, and the server has not been told.
        _, complaint = as_superuser("SELECT pg_reload_conf();")
    log(f"{primary['name']} is of an earlier release, and " + (f"cannot be told of the standbys' role: {complaint}" if complaint else "is told of the standbys' role"))
    return not complaint


def log(text):
    print("replicator: " + text, file=sys.stderr, flush=True)


def main(command):
    try:
        if command == "introduce":
            introduce(primary())
            return 0
        if command == "founded":
            rest.call("/primary")
            return 0
        return make()
    except (OSError, ValueError) as error:
        if command != "founded":
            log(f"{command}: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
