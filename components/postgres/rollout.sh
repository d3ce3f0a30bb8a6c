#!/bin/sh
# Waits until shards run what was rolled out to them, judged by what the servers
# themselves answer, and fails with the reason if they do not.
#
#   SHARDS       a line for each shard to wait for: name, host, port, database, rollout
#   HELD         host of the pod whose change is held up: what does not exist has
#                nothing to lose, so nothing is waited for. Empty: wait in any case
#   CONFIG       the new postgresql.conf, checked first. Empty: nothing to check
#   OWN          the shard that CONFIG is for: name, host, port, database. Its data must be of
#                the image's version. Empty, or a server that is down: not compared
#   ROLE         the role to log in with
#   CREDENTIALS  folder with <name>/password for each shard, and <name>/former with a line for
#                each password that its server may still have
#   ROTATION     number of the rotation that <name>/password has to be of, as <name>/rotation
#                says, and that the servers have to take: the role gives itself its new
#                password. Empty: whatever a server takes is accepted
#   SCRATCH      a folder to write to
#   PATIENCE     seconds after which it fails
#   PGSSLMODE    and PGSSLROOTCERT: TLS to the shards, as libpq has it; disable if absent
#   CLEARTEXT    "refused": a shard has to refuse connections without TLS as well
#   EXCESS       asks a shard of several members whether it has more connections or workers than
#                it is to have. Empty: whatever it has is accepted
#   CERTIFICATE  file tls.sh that checks the shard's new certificate first. Empty: nothing
#
# Passwords reach psql by its environment only.
set -eu
umask 077
export LC_ALL=C PGSSLMODE="${PGSSLMODE:-disable}"

: "${ROLE:?}" "${CREDENTIALS:?}" "${SCRATCH:?}" "${PATIENCE:?}"
case $PGSSLMODE in disable) VERIFIED= ;; *) VERIFIED=$PGSSLMODE ;; esac
SHARDS=${SHARDS:-} HELD=${HELD:-} CONFIG=${CONFIG:-} CLEARTEXT=${CLEARTEXT:-} EXCESS=${EXCESS:-} CERTIFICATE=${CERTIFICATE:-} OWN=${OWN:-}
ROTATION=${ROTATION:-}

# SETTLE is how long a server has to be up: one that dies at once is not settled.
# UNTRACKED is how long a server from before rollouts were tracked is watched: a pod
# that its StatefulSet leaves alone for so long has not changed.
: "${SETTLE:=10}" "${UNTRACKED:=30}" "${PAUSE:=2}" "${REPORT:=30}"

question="SELECT coalesce(nullif(current_setting('scalestack.rollout', true), ''), 'untracked')
	|| ' ' || floor(extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()))"

now() { date +%s; }

log() { printf 'rollout: %s\n' "$*" >&2; }

# fail also leaves the reason where Kubernetes, and so the deployment, shows it.
fail() {
	log "$*"
	{ printf '%s\n' "$*" >/dev/termination-log; } 2>/dev/null || :
	exit 1
}

# check_config refuses an image of a major version that nobody has tried or of a minor one
# that PostgreSQL itself replaced in a hurry, and a configuration that this image's server
# cannot read, while no shard has seen either.
check_config() {
	[ -n "$CONFIG" ] || return 0
	found=$(postgres --version) || fail "the image's postgres does not run"
	# Each was mended by the next one, see the release notes of 16.13 and 17.9.
	case "$found " in
	*' 16.12 '* | *' 17.8 '*)
		fail "the image has $found, whose standbys may end with \"could not access status of transaction\": take 16.13, 17.9 or later" ;;
	esac
	case $found in
	*' 16.'*) major=16 ;;
	*' 17.'*) major=17 ;;
	*) fail "the image has $found: shards are of PostgreSQL 16 or 17" ;;
	esac
	command -v flock >/dev/null || fail "the image has no flock, which keeps two servers off one volume"
	found=$(postgres -D "$SCRATCH" -c config_file="$CONFIG" -C port 2>&1) ||
		fail "the server refuses its configuration: $found"
}

# client runs psql on a host, a port and a database, with password $taken.
client() {
	# No certificate has the dot at the end.
	[ -z "$VERIFIED" ] || set -- "${1%.}" "$2" "$3" "$4"
	PGPASSWORD=$taken PGCONNECT_TIMEOUT=5 timeout 15 psql --no-psqlrc --no-password --tuples-only --no-align --quiet \
		--host="$1" --port="$2" --username="$ROLE" --dbname="$3" --command="$4" 2>&1
}

ask() {
	answer=$(client "$2" "$3" "$4" "$question" </dev/null) || {
		answer=$(printf '%s' "${answer:-it accepts a connection and does not answer}" | tr '\n' ' ')
		return 1
	}
}

# sql asks a server and leaves its answer, or psql's complaint, in $answer, and the password
# that it took in $taken.
sql() {
	[ -s "$CREDENTIALS/$1/password" ] || fail "$CREDENTIALS/$1/password is empty or absent"
	taken=$(cat "$CREDENTIALS/$1/password")
	! ask "$@" || return 0
	for former in $(cat "$CREDENTIALS/$1/former" 2>/dev/null); do
		case $answer in *'password authentication failed'*) ;; *) return 1 ;; esac
		taken=$former
		! ask "$@" || return 0
	done
	return 1
}

# check_version refuses an image whose server cannot read the shard's data, while the
# shard still runs. A server that does not answer is let pass only if this deployment may be
# what brings it back; its next start refuses such data as well.
check_version() {
	[ -n "$CONFIG" ] && [ -n "$OWN" ] || return 0
	asked=$question question="SELECT current_setting('server_version_num')::integer / 10000"
	# shellcheck disable=SC2086 # four words
	set -- $OWN
	if ! sql_as_before "$@"; then
		curable "$2" || fail "$1 does not say of which version its data is: $answer"
		log "the version of the data of $1 is not known: $answer"
		answer=$major
	fi
	question=$asked
	[ "$answer" = "$major" ] ||
		fail "$1 has data of PostgreSQL $answer, and its image is PostgreSQL $major: give the shard its old image back" \
			"(postgres.image or postgres.images); docs/major-upgrade.md says how shards get a new version"
}

# sql_as_before asks a server as it speaks before this deployment, which may turn TLS on or off.
sql_as_before() {
	! sql "$@" || return 0
	formerly=$PGSSLMODE told=0
	case $answer in
	*'does not support SSL'*) PGSSLMODE=disable ;;
	*'no encryption'*) PGSSLMODE=require ;;
	*) return 1 ;;
	esac
	sql "$@" || told=1
	PGSSLMODE=$formerly
	return "$told"
}

# curable tells that another image, another setting or a restart may be what a server needs
# to answer: it is down, it recovers for ever, it has the passwords of a lost state, it has no
# connection left, or it is not founded yet.
curable() {
	case $answer in
	*'Connection refused'* | *'the database system is '* | *'password authentication failed'* | \
		*'too many '*connections* | *'too many clients'* | *'connection slots are reserved'* | *'database "'*'" does not exist'*) return 0 ;;
	esac
	unknown_host "$1"
}

# unknown_host tells a name that does not exist from a resolver that does not
# answer.
unknown_host() {
	found=$(PGCONNECT_TIMEOUT=5 timeout 15 psql --no-psqlrc --no-password --host="$1" --username="$ROLE" \
		--dbname=postgres --command='' 2>&1 </dev/null) && return 1
	case $found in
	*'Name or service not known'* | *'No address associated with hostname'* | *'Name does not resolve'*) return 0 ;;
	esac
	return 1
}

# nothing_held is sure after three looks: a pod that moves is away for moments.
nothing_held() {
	[ -n "$HELD" ] || return 1
	for _ in 1 2 3; do
		unknown_host "$HELD" || return 1
		sleep "$PAUSE"
	done
}

# check_certificate refuses a Secret that the shard would refuse, while no shard has seen
# it. What issues it may still be at work.
check_certificate() {
	[ -n "$CERTIFICATE" ] || return 0
	. "$CERTIFICATE"
	tries=0
	while found=$(tls_fault "$TLS_SOURCE") && [ -n "$found" ]; do
		[ "$tries" -lt "$TLS_PATIENCE" ] || fail "the Secret with the certificate: $found"
		tries=$((tries + 2))
		sleep 2
	done
}

# refuses_cleartext judges a shard by what it does with a login without TLS.
refuses_cleartext() {
	[ "$CLEARTEXT" = refused ] || return 0
	PGSSLMODE=disable
	if sql "$@"; then
		answer="it still takes connections without TLS: its new pg_hba.conf has not arrived"
	fi
	PGSSLMODE=$VERIFIED reason=$answer
	case $answer in
	*'no encryption'*) return 0 ;;
	esac
	return 1
}

# rotated has a server take the present password. psql sends a verifier, which leaves nothing to
# read in the server's log, and does not wait for a standby. A standby gets it from its primary.
rotated() {
	[ -n "$ROTATION" ] || return 0
	reason="the Secret with the password of rotation $ROTATION has not arrived"
	[ "$(cat "$CREDENTIALS/$1/rotation" 2>/dev/null)" = "$ROTATION" ] || return 1
	wanted=$(cat "$CREDENTIALS/$1/password") found=
	if sql "$@" && [ "$taken" != "$wanted" ]; then
		found=$(
			export PGOPTIONS='-c synchronous_commit=local'
			printf '%s\n%s\n' "$wanted" "$wanted" | client "$2" "$3" "$4" '\password'
		) || :
	fi
	reason="it still takes a former password of role $ROLE ${found:+($found)}"
	sql "$@" && [ "$taken" = "$wanted" ]
}

# shrunk waits for the restarts that come after the last member was replaced, see restart.py.
shrunk() {
	[ -n "$EXCESS" ] || return 0
	asked=$question question=$EXCESS
	sql "$@" || :
	question=$asked
	[ "$answer" != f ] || return 0
	reason="it still has more connections or workers than it is to have, since its members restart one at a time, and not while Patroni is paused: patronictl list ($answer)"
	return 1
}

# hint says where to look next.
hint() {
	case $answer in
	*'not known'* | *'No address'* | *'does not resolve'*)
		echo "the pod has no address, so it is not scheduled or cannot mount its volume: kubectl describe pod ${1%%.*}" ;;
	*) echo "kubectl describe pod ${1%%.*}; kubectl logs ${1%%.*} --all-containers --prefix" ;;
	esac
}

# settled judges one shard and leaves the reason in $reason if it is not.
settled() {
	since="$SCRATCH/untracked-$1"
	if ! sql "$1" "$2" "$3" "$4"; then
		rm -f "$since"
		reason="$answer ($(hint "$2"))"
		return 1
	fi
	case $answer in
	"$5 "*)
		reason="it runs its new configuration, for ${answer#* } s so far"
		[ "${answer#* }" -ge "$SETTLE" ] && refuses_cleartext "$1" "$2" "$3" "$4" && rotated "$1" "$2" "$3" "$4" &&
			shrunk "$1" "$2" "$3" "$4" ;;
	'untracked '*)
		[ -e "$since" ] || now >"$since"
		reason="it was started before rollouts were tracked, and may restart any moment"
		[ $(($(now) - $(cat "$since"))) -ge "$UNTRACKED" ] ;;
	*)
		rm -f "$since"
		reason="it still runs rollout ${answer%% *} instead of $5: its pod was not replaced"
		return 1 ;;
	esac
}

# look judges all shards, and leaves those that are not settled in $waiting.
look() {
	waiting=
	while read -r name host port database rollout; do
		settled "$name" "$host" "$port" "$database" "$rollout" || waiting="$waiting${waiting:+; }$name: $reason"
	done <"$SCRATCH/shards"
}

check_config
check_certificate
check_version
if nothing_held; then
	log "$HELD does not exist yet, so there is nothing to hold up"
	exit 0
fi
printf '%s' "$SHARDS" >"$SCRATCH/shards"
started=$(now) reported=$(now)
look
while [ -n "$waiting" ]; do
	[ $(($(now) - started)) -lt "$PATIENCE" ] || fail "after $PATIENCE s, $waiting"
	if [ $(($(now) - reported)) -ge "$REPORT" ]; then
		log "waiting for $waiting"
		reported=$(now)
	fi
	sleep "$PAUSE"
	look
done
log "all shards run what was rolled out to them"
