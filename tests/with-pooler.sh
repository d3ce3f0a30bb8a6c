#!/usr/bin/env bash
# Runs a command with Debian's PgBouncer, of which nothing is installed. Its tests need real servers too (with-servers.sh).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# The program runs as nobody, as the servers do.
chmod 755 "$dir"
(
  cd "$dir"
  get() { apt-get -qq download pgbouncer libc-ares2 libevent-2.1-7 2>/dev/null; }
  get || { apt-get -qq update && get; }
  for package in *.deb; do dpkg-deb --extract "$package" .; done
)
printf '#!/bin/sh\nulimit -n 8192\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$dir/usr/lib/$(uname -m)-linux-gnu" "$dir/usr/sbin/pgbouncer" >"$dir/pgbouncer"
chmod 755 "$dir/pgbouncer"
export SCALESTACK_TEST_PGBOUNCER=$dir/pgbouncer
"$@"
