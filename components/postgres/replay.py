"""A server on a private socket that replays the log of a restored data folder."""

import glob
import os
import signal
import subprocess
import sys
import threading
import time

import bucket
import datadir


class Server:
    """A server on a private socket that replays the log."""

    def __init__(self, data, private, recovery):
        self.private, self.reasons, self.options = private, [], datadir.unlimited(data)
        with open(private + "/hba", "w", encoding="ascii") as file:
            file.write("local all all trust\n")
        settings = {
            "config_file": bucket.CONFIG + "/postgresql.conf", "listen_addresses": "", "unix_socket_directories": private,
            "hba_file": private + "/hba", "ssl": "off", "hot_standby": "off", "autovacuum": "off", "logging_collector": "off", "max_logical_replication_workers": "0",
            # Its new timeline is archived by the shard's own server.
            "archive_mode": "on", "archive_command": "", "archive_timeout": "0", **recovery}
        self.process = subprocess.Popen(
            ["postgres", "-D", data] + [word for name, value in settings.items() for word in ("-c", f"{name}={value}")],
            stderr=subprocess.PIPE, text=True, errors="replace", env=dict(os.environ, LC_ALL="C"))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        """Passes the server's log on without the answers to wait, and keeps why it gave up."""
        for line in self.process.stderr:
            if "FATAL:  the database system is" in line or "Hot standby mode is disabled" in line:
                continue
            sys.stderr.write(line)
            if "FATAL:" in line or "last completed transaction" in line or line.startswith("backup: the log has a gap"):
                self.reasons.append(line.split(":  ", 1)[-1].strip())

    def sql(self, database, statement):
        return subprocess.run(
            ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t", "--host", self.private, "--username=postgres",
             "--dbname", database, "--command", statement], capture_output=True, text=True, check=False,
            env=dict(os.environ, PGPORT=self.port(), PGOPTIONS=self.options))

    def port(self):
        names = glob.glob(self.private + "/.s.PGSQL.*[0-9]")
        return names[0].rsplit(".", 1)[1] if names else "5432"

    def wait(self):
        """Waits until the server takes writes. Without hot_standby it accepts nobody before."""
        while self.sql("postgres", "SELECT 1").stdout.strip() != "1":
            if self.process.poll() is not None:
                self.reader.join(5)
                why = "; ".join(self.reasons[-3:]) or "the server ended"
                if "before configured recovery target" in why:
                    why += ". The archive has no commit at or after that time: if nothing was written since, use an earlier time or latest"
                raise bucket.Refused(why)
            time.sleep(0.5)

    def disable_subscriptions(self):
        """Keeps a move of before from going on: its source has gone on since."""
        found = self.sql("postgres", "SELECT d.datname, quote_ident(s.subname) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE s.subenabled")
        if found.returncode:
            raise bucket.Refused(found.stderr.strip())
        for line in found.stdout.splitlines():
            database, name = line.split("\t")
            done = self.sql(database, f"ALTER SUBSCRIPTION {name} DISABLE")
            if done.returncode:
                raise bucket.Refused(done.stderr.strip())
            log(f"disabled subscription {name} of {database}")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        if self.process.wait():
            raise bucket.Refused("the restored server did not stop cleanly, see above")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
