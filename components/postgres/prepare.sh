
# From here on for a member of a shard with several: brings its volume and what
# Kubernetes knows of the shard to the state that Patroni expects.
if [ -s "$PGDATA/PG_VERSION" ]; then
	# A volume that changed hands has group bits that the server refuses.
	chmod 0700 "$PGDATA"
fi
exec python3 -I "$CONFIG/prepare.py"
