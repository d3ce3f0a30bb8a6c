# Here for members whose Patroni takes changes only from those who show a certificate:
# they show each other the server's own.

tls_fits() {
	SSL_CERT_FILE=/none SSL_CERT_DIR=/none openssl verify -no_check_time -purpose "$2" -CAfile "$1/ca.crt" -untrusted "$1/tls.crt" \
		"$1/tls.crt" >/dev/null 2>&1
}

# tls_absent also names what a certificate lacks. Whatever else is wrong with it the
# server's own checks say better.
tls_absent() {
	for file in tls.crt tls.key ca.crt; do
		[ -s "$1/$file" ] || { echo "$file is empty or absent"; return; }
	done
	if tls_fits "$1" sslserver && ! tls_fits "$1" sslclient; then
		echo "tls.crt is for servers only, and with postgres.tls.memberCertificates it has to be for clients too (extended key usage clientAuth)"
	fi
}

# tls_members runs after tls_prepare, which takes an unchanged Secret as it is: this one may
# be from before members showed it.
tls_members() {
	reason=$(tls_absent "$TLS_FOLDER/current")
	[ -z "$reason" ] || {
		tls_log "the Secret is refused: $reason"
		exit 1
	}
	python3 -I "$TLS_CONFIG/trust.py"
}
