#!/bin/sh
# Runs before rollout.sh where shards have several members: refuses an image without Patroni while no shard has seen it.
if [ -n "${CONFIG:-}" ] && ! patronictl version >/dev/null 2>&1; then
	reason='the image has no Patroni, which shards with several members run under'
	printf 'rollout: %s\n' "$reason" >&2
	{ printf '%s\n' "$reason" >/dev/termination-log; } 2>/dev/null || :
	exit 1
fi

