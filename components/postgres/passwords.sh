
# Here for a shard whose passwords were rotated: the mounted settings of Patroni change while it runs, and it
# connects to the primary with what it read last. Sessions that there are stay.
follow_passwords() {
	told=
	while :; do
		now=$(cksum <"$PATRONI/20-passwords.yml" || :)
		if [ -s "$ALIVE" ] && [ "$told" != "$now" ] && python3 -I "$CONFIG/reload.py"; then
			told=$now
			log "Patroni has read its passwords"
		fi
		sleep "${PAUSE:-5}"
	done
}

follow_passwords &
