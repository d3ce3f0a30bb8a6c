#!/bin/sh
# Starts the server of a shard with one member, and lets none of its processes have more than so
# much memory of its own: a session that wants more gets an error, in place of the kernel ending
# the whole server. Memory that processes share does not count, it is limited elsewhere.
#
#   PGDATA  the data folder
#   RUN     folder that is there as long as the pod
#
# sh server.sh KIB ARGUMENT…  those of postgres
set -eu

: "${PGDATA:?}" "${RUN:?}"
own=$1
shift

# The server cannot replay a record of the log that has no room in what a process may have, and
# would never start again. So the log is replayed here, without the limit, as bootstrap.sh does it
# in a new pod. A pod that is told to end meanwhile starts no server.
if [ -e "$RUN/started" ]; then
	trap 'exit 143' TERM
	PG_GRANDPARENT_PID=$$ postgres --single "$@" template1 </dev/null >/dev/null ||
		echo 'server: replaying the log failed, see above' >&2
	trap - TERM
fi
: >"$RUN/started"

# The limit can be raised again: archive_command does so, whose program is no part of the server.
ulimit -S -d "$own" || echo "server: a process may have as much memory as it likes: no limit of $own KiB" >&2
exec postgres "$@"
