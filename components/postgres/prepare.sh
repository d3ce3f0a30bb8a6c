
# From here on for a member of a shard with several: brings its volume and what
# Kubernetes knows of the shard to the state that Patroni expects.
if [ -s "$PGDATA/PG_VERSION" ]; then
	found=$(cat "$PGDATA/PG_VERSION")
	wanted=$(postgres --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	if [ "$found" != "$wanted" ]; then
		printf 'prepare: %s was written by PostgreSQL %s, this image is PostgreSQL %s: run pg_upgrade or go back to the old image\n' \
			"$PGDATA" "$found" "$wanted" >&2
		exit 1
	fi
	# A volume that changed hands has group bits that the server refuses.
	chmod 0700 "$PGDATA"
fi
exec python3 -I "$CONFIG/prepare.py"
