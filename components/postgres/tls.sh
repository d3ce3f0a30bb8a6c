# Here PostgreSQL's: what is asked of a certificate, and who is told of it. A change of
# this script restarts no shard.
#
#   TLS_NAMES   the names under which clients reach this server
#   TLS_CONFIG  folder with pg_hba.conf
#
# sh tls.sh look    looks once; for the probe of a single server, in its container
# sh tls.sh follow  looks every PAUSE seconds; for a member, whose socket is in SOCKET and whose
#                   Patroni's settings are in PATRONI
: "${TLS_NAMES:?}" "${TLS_CONFIG:?}" "${TLS_PATIENCE:=120}"

# tls_fault prints what is wrong with the files of a folder, or nothing. Only ca.crt is
# trusted, and not what the image brings along.
tls_fault() {
	absent=$(tls_absent "$1")
	[ -z "$absent" ] || { echo "$absent"; return; }
	public=$(openssl x509 -in "$1/tls.crt" -noout -pubkey 2>/dev/null) || { echo "tls.crt is not a certificate"; return; }
	private=$(openssl pkey -in "$1/tls.key" -pubout -passin pass: 2>/dev/null) || { echo "tls.key is not a key, or has a passphrase"; return; }
	[ "$public" = "$private" ] || { echo "tls.key does not belong to tls.crt"; return; }
	for name in $TLS_NAMES; do
		found=$(SSL_CERT_FILE=/none SSL_CERT_DIR=/none openssl verify -purpose sslserver -CAfile "$1/ca.crt" -untrusted "$1/tls.crt" \
			-verify_hostname "$name" "$1/tls.crt" 2>&1) && continue
		echo "clients would refuse tls.crt as $name: $(printf '%s\n' "$found" | sed -n 's/^error [0-9]* at [0-9]* depth lookup: *//p' | head -n 1)"
		return
	done
}

tls_about() { openssl x509 -in "$1" -noout -serial -enddate | tr '\n' ' '; }

# tls_prepare runs before each start. A new certificate may still be on its way; a server
# that had a good one starts with that.
tls_prepare() {
	mkdir -p "$TLS_FOLDER"
	waited=0
	until tls_adopt; do
		if [ -z "$(tls_fault "$TLS_FOLDER/current")" ]; then
			tls_log "the Secret is refused, so the server starts with the certificate that it had: $reason"
			return 0
		fi
		[ "$waited" -lt "$TLS_PATIENCE" ] || {
			tls_log "the Secret is refused, and there is no former certificate: $reason"
			exit 1
		}
		[ "$waited" -gt 0 ] || tls_log "waiting for a Secret that can be used: $reason"
		sleep 2
		waited=$((waited + 2))
	done
}

tls_reload() { pg_ctl reload --silent --pgdata="$PGDATA"; }

# tls_look adopts a Secret that has changed and tells the server. It tells it of a new
# pg_hba.conf as well, which decides who may come without TLS. A refusal is said once, and
# tried again: it may have been the machine's, or its clock's.
tls_look() {
	seen=$(cat "$TLS_FOLDER/seen" 2>/dev/null || :)
	now=$(cat "$TLS_SOURCE"/*.* "$TLS_CONFIG/pg_hba.conf" 2>/dev/null | sha256sum)
	[ "$seen" != "$now" ] || return 0
	if ! tls_adopt; then
		now="$now refused: $reason"
		[ "$seen" != "$now" ] || return 0
		tls_log "the Secret is refused, so the server keeps the certificate that it has: $reason"
	fi
	tls_reload || return 1
	printf '%s\n' "$now" >"$TLS_FOLDER/seen"
}

# tls_follow is for a member: inside the pod the operating system's user is the superuser.
tls_follow() {
	: "${SOCKET:?}" "${ALIVE:?}" "${PAUSE:=5}"
	tls_reload() {
		psql --no-psqlrc --no-password --quiet --output=/dev/null --host="$SOCKET" --username=postgres --dbname=postgres \
			--command='SELECT pg_reload_conf()' || return 1
		# A pod from before Patroni had TLS has nothing to tell it.
		[ -z "${PATRONI:-}" ] || python3 -I "$TLS_CONFIG/reload.py"
	}
	while :; do
		if tls_look; then
			date +%s >"$ALIVE"
		fi
		sleep "$PAUSE"
	done
}

case ${1:-} in
look)
	# What a probe prints is lost; the server's own log is not.
	if [ -w /proc/1/fd/2 ]; then
		exec 2>/proc/1/fd/2
	fi
	tls_look
	;;
follow) tls_follow ;;
esac
