#!/bin/sh
# Runs before rollout.sh where shards have several members: refuses an image without Patroni while no shard has seen it, and
# a member's change while Patroni is paused.
#
#   ADDRESSES  of the REST APIs of the shard's members, see paused.py. Empty: nobody is asked
#   PROGRAMS   folder of paused.py

refuse() {
	printf 'rollout: %s\n' "$1" >&2
	{ printf '%s\n' "$1" >/dev/termination-log; } 2>/dev/null || :
	exit 1
}

# unpaused is asked again at the end: people pause while a deployment waits for the member before.
unpaused() {
	[ -n "${ADDRESSES:-}" ] || return 0
	refusal=$(python3 -I "${PROGRAMS:-/etc/rollout}/paused.py") || refuse "${refusal:-it cannot be found out whether Patroni is paused}"
}

if [ -n "${CONFIG:-}" ] && ! patronictl version >/dev/null 2>&1; then
	refuse 'the image has no Patroni, which shards with several members run under'
fi
unpaused

