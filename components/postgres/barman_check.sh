#!/bin/sh
# Runs before rollout.sh where shards have backups: refuses an image without barman-cloud while no shard has seen it.
if [ -n "${CONFIG:-}" ] && ! barman-cloud-backup --version >/dev/null 2>&1; then
	reason='the image has no barman-cloud, which shards with backups archive with'
	printf 'rollout: %s\n' "$reason" >&2
	{ printf '%s\n' "$reason" >/dev/termination-log; } 2>/dev/null || :
	exit 1
fi
