#!/bin/sh
# Lets one pod at a time write to the volume. PostgreSQL's own lock names a process and a piece
# of shared memory, and each pod counts its own: two servers of two pods both have process 1
# and take the other's lock file for their own, left over. The lock here is the kernel's, so it
# holds between the pods of a node, and ends with the last process that has inherited it.
# A volume that two nodes have attached needs accessMode ReadWriteOncePod.
#
#   PGDATA  the data folder, a child of the volume's root
#
# . lock.sh                    the shell and what it starts have the volume
# sh lock.sh PROGRAM ARGUMENT… the program has it
set -eu

: "${PGDATA:?}"

lock_volume() {
	command -v flock >/dev/null || {
		echo 'lock: the image has no flock, which keeps two servers off one volume' >&2
		exit 1
	}
	exec 9>>"${PGDATA%/*}/lock"
	waited=0
	while :; do
		status=0
		flock -n 9 || status=$?
		case $status in
		0) return 0 ;;
		1) ;;
		*)
			printf 'lock: flock failed with %s: the file system of %s takes no locks\n' "$status" "${PGDATA%/*}" >&2
			exit 1
			;;
		esac
		[ $((waited % 30)) -ne 0 ] || printf 'lock: another pod has %s, waiting until its last process has ended\n' "${PGDATA%/*}" >&2
		sleep 1
		waited=$((waited + 1))
	done
}

lock_volume
[ $# -eq 0 ] || exec "$@"
