
# From here on in place of a wait for rollouts: waits until no client of any shard is
# connected without TLS. Servers that refuse such clients come after it.
question="SELECT coalesce(string_agg(DISTINCT format('%s (%s) at %s',
		coalesce(nullif(application_name, ''), 'a program without a name'), usename, client_addr), ', '), '')
	FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE NOT ssl AND client_addr IS NOT NULL AND usename IS NOT NULL"

# closed tells that a server has no client without TLS and gets none: it refuses them, or is
# down. A setting that brings it back must not wait for its answer. It is asked without a
# password, which after a lost state may be another one.
closed() {
	found=$(PGSSLMODE=disable PGCONNECT_TIMEOUT=5 timeout 15 psql --no-psqlrc --no-password --host="$1" --port="$2" \
		--username="$ROLE" --dbname="$3" --command='' 2>&1 </dev/null) && return 1
	case $found in
	*'no encryption'* | *'Connection refused'*) return 0 ;;
	esac
	return 1
}

# survey leaves the clients without TLS, and the shards that could not be asked, in
# $waiting. A pod that does not exist has no clients.
survey() {
	waiting=
	while read -r name host port database _; do
		! closed "$host" "$port" "$database" || continue
		if sql "$name" "$host" "$port" "$database"; then
			[ -z "$answer" ] || waiting="$waiting${waiting:+; }$name has $answer"
			continue
		fi
		case $answer in
		*'does not support SSL'*)
			fail "$name has no TLS yet, so its clients have none: deploy with postgres.tls.mode offer first" ;;
		esac
		unknown_host "$host" || waiting="$waiting${waiting:+; }$name: $answer"
	done <"$SCRATCH/shards"
}

printf '%s' "$SHARDS" >"$SCRATCH/shards"
started=$(now) reported=$(now) without=
while :; do
	survey
	if [ -n "$waiting" ]; then
		without=
	elif [ -z "$without" ]; then
		without=$(now)
	elif [ $(($(now) - without)) -ge "$SETTLE" ]; then
		break
	fi
	[ $(($(now) - started)) -lt "$PATIENCE" ] || fail "after $PATIENCE s there are clients without TLS, which require would refuse: $waiting"
	if [ -n "$waiting" ] && [ $(($(now) - reported)) -ge "$REPORT" ]; then
		log "waiting for clients without TLS: $waiting"
		reported=$(now)
	fi
	sleep "$PAUSE"
done
log "no client of any shard is without TLS"
