#!/bin/sh
# Brings a shard's volume to the state the server expects. It runs before every
# start of the server and may be killed anywhere: each step either leaves what
# it found or completes, and the next run does what is missing.
#
#   PGDATA       the data folder, a child of the volume's root
#   DATABASE     the shard's database
#   CREDENTIALS  folder with app/password, and admin with password, owner-password and mover-password
#   CONFIG       folder with postgresql.conf and owner.sql
#
# Passwords reach the server on its standard input only: a command line can be
# read by others, and so can a log.
set -eu
umask 077

: "${PGDATA:?}" "${DATABASE:?}" "${CREDENTIALS:?}" "${CONFIG:?}"

log() { printf 'bootstrap: %s\n' "$*" >&2; }

fail() {
	log "$*"
	exit 1
}

server_major() {
	postgres --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'
}

# make_data builds the cluster in a sibling folder and renames it: whoever is
# killed before the rename leaves no data folder at all. The sync makes the
# rename durable before the first commit can be, or a crash of the node could
# bring the old name back and the next run would take the data for a leftover.
make_data() {
	building="$PGDATA.building"
	log "making a new data folder in $PGDATA"
	rm -rf "$building"
	initdb --pgdata="$building" --username=postgres --pwfile="$CREDENTIALS/admin/password" \
		--auth=scram-sha-256 --data-checksums --encoding=UTF8 \
		--locale-provider=libc --lc-collate=C --lc-ctype=C.UTF-8 --no-instructions >&2
	if [ -d "$PGDATA" ]; then
		rmdir "$PGDATA"
	fi
	mv "$building" "$PGDATA"
	sync
}

# check_data refuses what another program or version wrote, rather than hiding
# or overwriting it.
check_data() {
	if [ ! -s "$PGDATA/PG_VERSION" ]; then
		if [ -d "$PGDATA" ] && [ -n "$(ls -A "$PGDATA")" ]; then
			fail "$PGDATA holds files but no PostgreSQL data; move them away"
		fi
		make_data
	fi
	found=$(cat "$PGDATA/PG_VERSION")
	wanted=$(server_major)
	if [ "$found" != "$wanted" ]; then
		fail "$PGDATA was written by PostgreSQL $found, this image is PostgreSQL $wanted: run pg_upgrade or go back to the old image"
	fi
	# A volume that changed hands has group bits that the server refuses.
	chmod 0700 "$PGDATA"
}

# single runs SQL from standard input, statements ending in a semicolon and an
# empty line, with no server and no network. The first mistake ends it, and no
# statement is ever written to the log.
#
# A server that was killed leaves a lock file with its process id, which is 1 in
# a container, as ours is. With ours named, PostgreSQL does not take us for it.
single() {
	PG_GRANDPARENT_PID=$$ postgres --single -j -D "$PGDATA" \
		-c config_file="$CONFIG/postgresql.conf" \
		-c exit_on_error=on \
		-c password_encryption=scram-sha-256 \
		-c standard_conforming_strings=on \
		-c log_statement=none \
		-c log_min_error_statement=panic \
		-c log_min_duration_statement=-1 \
		"$1"
}

# password prints a mounted password as an SQL literal.
password() {
	file="$CREDENTIALS/$1"
	[ -s "$file" ] || fail "$file is empty or absent"
	[ "$(sed -n '$=' "$file")" -eq 1 ] || fail "$file has more than one line"
	printf "'%s'" "$(sed "s/'/''/g" "$file")"
}

# role_sql makes the role $1 if it is absent, and sets its attributes $2 and its
# password $3.
role_sql() {
	printf "DO \$\$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%s') THEN CREATE ROLE %s; END IF; END \$\$;\n\n" "$1" "$1"
	printf 'ALTER ROLE %s WITH LOGIN %s PASSWORD %s;\n\n' "$1" "$2" "$3"
}

converge_sql() {
	role_sql postgres 'SUPERUSER REPLICATION' "$admin_password"
	role_sql app 'NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS' "$app_password"
	printf "SELECT 'database is missing' AS state WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '%s');\n\n" "$DATABASE"
}

# owner_sql makes the roles of migrations and moves, which have what the superuser had before there
# were any, and sets their passwords.
owner_sql() {
	cat "$CONFIG/owner.sql"
	printf '\nALTER ROLE scalestack_owner PASSWORD %s;\n\nALTER ROLE scalestack_mover PASSWORD %s;\n\n' "$owner_password" "$mover_password"
}

converge() {
	admin_password=$(password admin/password)
	app_password=$(password app/password)
	owner_password=$(password admin/owner-password)
	mover_password=$(password admin/mover-password)
	state=$(converge_sql | single template1) || fail "setting the roles failed"
	case $state in
	*'database is missing'*)
		log "creating database $DATABASE"
		printf 'CREATE DATABASE %s;\n\n' "$DATABASE" | single template1 >/dev/null || fail "creating $DATABASE failed"
		;;
	esac
	owner_sql | single "$DATABASE" >/dev/null || fail "giving $DATABASE to its roles failed"
}

check_data
converge
log "ready: database $DATABASE and its roles"
