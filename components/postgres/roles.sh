
# From here on for a shard with several members: keeps the roles, their passwords and
# the database what they should be, at the member that is the primary. Passwords change
# in the mounted Secrets while the server runs, and a standby that was restarted with new
# ones can follow only when the primary knows them.
#
#   SOCKET   folder of the server's socket
#   ALIVE    file that tells when this last worked
#   EXCESS   asks the server whether it has more of what standbys may not have less of than the shard is to have
#   MEMBERS  and PGDATA, POD, PATRONI: see restart.py and replicator.py. NAMESPACE: see crashed.py
: "${SOCKET:?}" "${ALIVE:?}" "${EXCESS:?}" "${PAUSE:=5}"

# AGAIN is after how many seconds a restart that has not helped is tried again, and OWN how often what the superuser has
# made in the database by hand is given to its roles, and what was in use.
: "${AGAIN:=60}" "${OWN:=60}"

# single runs SQL from standard input at the running server, in place of one that runs
# for the purpose. No statement is written to its log, and none waits for a standby that may
# itself wait for a password.
single() {
	PGOPTIONS='-c synchronous_commit=local -c log_statement=none -c log_min_error_statement=panic -c log_min_duration_statement=-1 -c password_encryption=scram-sha-256' \
		psql --no-psqlrc --no-password --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 \
		--host="$SOCKET" --username=postgres --dbname="$1" --file=-
}

# wanted is a name for what the mounted files say.
wanted() { cat "$CREDENTIALS"/*/* "$CONFIG/owner.sql" "$CONFIG/roles.sh" "$PATRONI/20-passwords.yml" | cksum; }

# drop_slots removes what moves had on a server that was the primary once. Nobody reads
# those slots any more, Patroni leaves them alone, and they would keep the log for ever.
drop_slots() {
	echo "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_type = 'logical' AND NOT active;" |
		single template1 >/dev/null
}

# shrink restarts the server if it still has more than it should, and if it is its turn.
shrink() {
	[ "$(date +%s)" -ge "$shrink_after" ] || return 0
	[ "$(echo "$EXCESS;" | single template1)" = t ] || return 0
	if python3 -I "$CONFIG/restart.py"; then
		shrink_after=$(($(date +%s) + AGAIN))
	fi
}

# own is for a primary whose roles are there.
own() {
	[ "$(date +%s)" -ge "$own_after" ] || return 0
	single "$DATABASE" <"$CONFIG/owner.sql" >/dev/null || log "giving $DATABASE to its roles failed, see above"
	own_after=$(($(date +%s) + OWN))
}

# reread has a server read its changed pg_hba.conf.
reread() {
	now=$(cksum <"$CONFIG/pg_hba.conf")
	[ "$read" != "$now" ] || return 0
	echo 'SELECT pg_reload_conf();' | single template1 >/dev/null && read=$now
}

replicator() { python3 -I "$CONFIG/replicator.py" "$1"; }

# look converges a primary once for each change of the files. One that founds its shard has roles that
# Patroni makes, which gives the data up when it cannot.
look() {
	state=$(echo "SELECT pg_is_in_recovery(), EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming');" | single template1) || {
		replicator introduce || :
		return 1
	}
	case $state in
	't|'*)
		done_for=
		[ "$state" = 't|t' ] || replicator introduce || :
		drop_slots
		return $?
		;;
	esac
	for_files=$(wanted)
	if [ "$done_for" != "$for_files" ]; then
		[ -n "$done_for" ] || replicator founded || return 1
		(converge) && replicator make || return 1
		done_for=$for_files
		own_after=$(($(date +%s) + OWN))
		log "roles and database $DATABASE are as they should be"
	fi
	own
}

# watched keeps crashed.py running beside this loop.
watched() {
	[ -n "$watcher" ] && kill -0 "$watcher" 2>/dev/null && return
	python3 -I "$CONFIG/crashed.py" &
	watcher=$!
}

watcher=
done_for=
shrink_after=0
own_after=0
read=
while :; do
	watched
	if look && reread; then
		date +%s >"$ALIVE"
		shrink || :
	fi
	sleep "$PAUSE"
done
