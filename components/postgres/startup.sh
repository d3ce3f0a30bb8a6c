#!/bin/sh
# Writes startup.conf, which holds what is known only when a pod starts. It runs
# in front of bootstrap.sh and may be killed anywhere: the file appears complete
# or not at all. A change of this script restarts no shard; a server takes it at
# its next start.
#
#   PGDATA   the data folder, a child of the volume's root
#   CONFIG   folder with lock.sh, volume-settings and rollout
#   POD      name of the pod. Empty in pods from before it was asked
set -eu
umask 077

: "${PGDATA:?}" "${CONFIG:?}"
volume=${PGDATA%/*}

# The StatefulSet has one volume, whatever number of pods somebody scales it to.
case ${POD:--0} in
*-0) ;;
*)
	printf 'startup: %s is one pod too many, a shard has one on its volume: scale its StatefulSet to 1\n' "$POD" >&2
	exit 1
	;;
esac

. "$CONFIG/lock.sh"

# A standby must not become a primary by the mere start of a server, and the only
# member with every commit may be another one.
if [ ! -e "$CONFIG/patroni.yml" ]; then
	for file in patroni.dynamic.json standby.signal; do
		if [ -e "$PGDATA/$file" ]; then
			printf 'startup: %s is there, so this volume belongs to a shard with several members: deploy with postgres.members as it was\n' \
				"$PGDATA/$file" >&2
			exit 1
		fi
	done
fi

# A server reads the data of its own major version only. Nothing here makes one out of
# the other: the rows move to shards that began with the new one.
if [ -s "$PGDATA/PG_VERSION" ]; then
	found=$(cat "$PGDATA/PG_VERSION")
	wanted=$(postgres --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	if [ "$found" != "$wanted" ]; then
		printf 'startup: %s was written by PostgreSQL %s, this image is PostgreSQL %s: %s; %s\n' "$PGDATA" "$found" "$wanted" \
			'give the shard its old image back (postgres.image or postgres.images)' 'docs/major-upgrade.md says how shards get a new version' >&2
		exit 1
	fi
fi

# That it archived once says nothing of backups that are turned on again.
if [ ! -e "$CONFIG/backup.json" ]; then
	rm -f "$PGDATA/scalestack.archiving"
fi

# volume_kib prints the size of the volume's file system in KiB, or 0 if it is
# unknown.
volume_kib() {
	kib=$(df -Pk "$volume" | { read -r _ && read -r _ kib _ && printf '%s' "$kib"; }) || kib=
	case $kib in
	'' | *[!0-9]*)
		printf 'startup: the size of %s is unknown, so the least is assumed\n' "$volume" >&2
		kib=0
		;;
	esac
	printf '%s' "$kib"
}

# volume_settings prints the settings of all sizes up to the volume's. Of several
# lines for one setting the server takes the last.
volume_settings() {
	actual=$(volume_kib)
	while read -r least line; do
		if [ "$least" -le "$actual" ]; then
			printf '%s\n' "$line"
		fi
	done <"$CONFIG/volume-settings"
}

# rollout_setting lets the server tell which rollout started it. It is read from
# the volume, so that a mere reload of a server in an old pod cannot change it.
rollout_setting() { printf "scalestack.rollout = '%s'\n" "$(cat "$CONFIG/rollout")"; }

volume_settings >"$volume/startup.conf.new"
rollout_setting >>"$volume/startup.conf.new"
mv -f "$volume/startup.conf.new" "$volume/startup.conf"
