#!/usr/bin/env bash
# Runs a command that starts real PostgreSQL, Redis and Kafka servers of its own,
# from the archives that the lab's images are made of (make build fetches them).
# They are unpacked where user nobody may read them, and deleted after the command.
# SERVER_CPU=0 keeps the servers on that CPU.
set -euo pipefail
cache=$(dirname "${BASH_SOURCE[0]}")/../.lab/cache/images/images
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir "$dir/debian" "$dir/run"

# program NAME COMMAND…: makes run/NAME, which runs the command.
program() {
  local name=$1
  shift
  printf '#!/bin/sh\nexec %s "$@"\n' "${SERVER_CPU:+taskset -c $SERVER_CPU }$*" > "$dir/run/$name"
  chmod 755 "$dir/run/$name"
}

python3 -m zipfile -e "$cache"/postgres-server-*/*.jar "$dir"
tar -xJf "$dir/postgres-linux-x86_64.txz" -C "$dir"
program initdb "$dir/bin/initdb"
program postgres "$dir/bin/postgres"

# psql is in the wheel that the lab's image has it from.
python3 -m zipfile -e "$cache"/pgserver-*.whl "$dir/clients"
chmod 755 "$dir/clients/pgserver/pginstall/bin/psql"
program psql "$dir/clients/pgserver/pginstall/bin/psql"

for deb in "$cache"/debs/{redis-,openjdk-,lib}*.deb; do
  # The C library goes with the machine's own loader.
  case $deb in */libc6_* | */libc-bin_*) continue ;; esac
  dpkg-deb -x "$deb" "$dir/debian"
done
libraries=$(printf '%s:%s' "$dir"/debian/{usr/lib,lib}/x86_64-linux-gnu)
program redis-server env "LD_LIBRARY_PATH=$libraries" "$dir/debian/usr/bin/redis-server"

# Java's settings are links into /etc.
find "$dir/debian" -type l -lname '/etc/*' -printf '%l\0%p\0' |
  while IFS= read -r -d '' target && IFS= read -r -d '' link; do ln -sfn "$dir/debian$target" "$link"; done
program kafka "$dir"/debian/usr/lib/jvm/java-17-openjdk-*/bin/java -Xmx384m -cp "'$(realpath "$cache")/kafka-3.7.1/*'"

export SCALESTACK_TEST_POSTGRES=$dir/run SCALESTACK_TEST_REDIS=$dir/run/redis-server SCALESTACK_TEST_KAFKA=$dir/run/kafka
export SCALESTACK_TEST_TEMPLATE=$dir/template
"$@"
