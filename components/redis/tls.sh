# Here Redis's: what is asked of a certificate, and who is told of it. The image has no
# openssl, so the programs that speak TLS in it are asked: a redis-server of a moment takes
# the files, and redis-cli verifies it as clients do, but for the name.
#
#   TLS_NAME   the name under which clients reach this server
#   TLS_TRIAL  a free port of the pod, for the server of a moment
#   RUN        folder for the server's socket, its list of users and the time of the last look
#   ACL        the list of users without the one that is made here
#
# sh tls.sh follow  looks every PAUSE seconds, beside the server
: "${TLS_NAME:?}" "${TLS_TRIAL:?}" "${RUN:?}" "${ACL:?}" "${PAUSE:=5}"

# der prints the first certificate of a file in its binary form.
der() { sed -n '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/{/-----END/q;/-----/!p}' "$1" | tr -d '\r' | base64 -d 2>/dev/null; }

hex() { od -An -v -tx1 | tr -d ' \n'; }

# named tells whether a certificate has the server's name, or a wildcard for its first
# label: a DNS name is the byte 82, its length and its text.
named() {
	certificate=$(der "$1" | hex)
	for name in "$TLS_NAME" "*.${TLS_NAME#*.}"; do
		case $certificate in
		*"$(printf "\\202\\$(printf %03o "${#name}")%s" "$name" | hex)"*) return 0 ;;
		esac
	done
	return 1
}

# tried prints what the server of a moment, or a client of it, has against the files of a
# folder.
tried() {
	redis-server --bind 127.0.0.1 --port 0 --tls-port "$TLS_TRIAL" --tls-auth-clients no --tls-cert-file "$1/tls.crt" \
		--tls-key-file "$1/tls.key" --save '' --dir "$TLS_FOLDER" >"$TLS_FOLDER/trial" 2>&1 &
	trial=$! answer= left=100
	until [ "$left" -eq 0 ] || ! kill -0 "$trial" 2>/dev/null; do
		answer=$(timeout 10 redis-cli --tls --cacert "$1/ca.crt" -h 127.0.0.1 -p "$TLS_TRIAL" ping 2>&1) || :
		case $answer in
		*refused*) ;;
		*) break ;;
		esac
		sleep 0.1
		left=$((left - 1))
	done
	kill "$trial" 2>/dev/null || :
	wait "$trial" || :
	refused=$(sed -n 's/.*\(Failed to load .*\)/\1/p' "$TLS_FOLDER/trial" | head -n 1)
	case $refused$answer in
	PONG) ;;
	Failed*) echo "the server would not take it: $refused" ;;
	*'verify failed'*) echo "clients would refuse tls.crt: it is expired, or signed by none of ca.crt" ;;
	*) echo "it cannot be tried: $(printf '%s\n' "$answer" | head -n 1) $(tail -n 1 "$TLS_FOLDER/trial")" ;;
	esac
}

tls_fault() {
	fault=$(tls_absent "$1")
	[ -n "$fault" ] || fault=$(tried "$1")
	[ -n "$fault" ] || named "$1/tls.crt" || fault="clients would refuse tls.crt: it does not have the name $TLS_NAME"
	printf %s "$fault"
}

tls_about() { printf 'sha256 %s' "$(der "$1" | sha256sum | cut -c1-64)"; }

# users adds to the list of users the one that may have the server read its certificate
# again. Its password never leaves the pod.
users() {
	[ -s "$RUN/password" ] || head -c 32 /dev/urandom | sha256sum | cut -c1-64 >"$RUN/password"
	{
		cat "$ACL"
		printf 'user certificates reset on #%s -@all +config|set\n' "$(tr -d '\n' <"$RUN/password" | sha256sum | cut -c1-64)"
	} >"$RUN/users.new"
	mv "$RUN/users.new" "$RUN/users.acl"
}

# told has a running server read its files. The connections that it has go on.
told() {
	answer=$(REDISCLI_AUTH=$(cat "$RUN/password") timeout 10 redis-cli -s "$RUN/redis.sock" --no-auth-warning --user certificates \
		config set tls-cert-file "$TLS_FOLDER/current/tls.crt" tls-key-file "$TLS_FOLDER/current/tls.key" 2>&1) || :
	[ "$answer" = OK ]
}

# look adopts a Secret that has changed and tells the server until it has listened, also
# to one that is starting. A refusal is said once, and tried again: it may have been the
# machine's.
look() {
	now=$(cat "$TLS_SOURCE"/*.* 2>/dev/null | sha256sum)
	[ "$now" != "$done" ] || return 0
	if tls_adopt; then
		said=
		! told || done=$now
	elif [ "$said" != "$now $reason" ]; then
		said="$now $reason"
		if [ -s "$TLS_FOLDER/current/tls.crt" ]; then
			tls_log "the Secret is refused, so the server keeps the certificate that it has: $reason"
		else
			tls_log "the Secret is refused, and the server waits for one that can be used: $reason"
		fi
	fi
}

if [ "${1:-}" = follow ]; then
	trap 'exit 0' TERM
	mkdir -p "$TLS_FOLDER"
	users
	done='' said=''
	while :; do
		look
		date +%s >"$RUN/alive"
		# In the background, so that a signal is heard at once.
		sleep "$PAUSE" &
		wait "$!"
	done
fi
