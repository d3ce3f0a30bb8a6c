#!/bin/sh
# Gives a server a checked copy of its certificate. The server never reads the mounted
# Secret itself, so that a broken one is refused with a message while the server goes on
# with what it has, also over its next start. What follows it says in tls_fault what is
# wrong with the files of a folder, and in tls_about what a certificate is.
#
#   TLS_SOURCE  the mounted Secret with tls.crt, tls.key and ca.crt
#   TLS_FOLDER  folder with the copies; current is the server's
set -eu
umask 077
: "${TLS_SOURCE:?}" "${TLS_FOLDER:?}"

tls_log() { printf 'tls: %s\n' "$*" >&2; }

# tls_absent names a file that a folder lacks, or nothing.
tls_absent() {
	for file in tls.crt tls.key ca.crt; do
		[ -s "$1/$file" ] || { echo "$file is empty or absent"; return; }
	done
}

tls_sum() { cat "$1/tls.crt" "$1/tls.key" "$1/ca.crt" 2>/dev/null | sha256sum | cut -c1-16; }

# tls_copy copies the Secret as it is at one moment: kubelet replaces all files at once, by
# a link to a new folder.
tls_copy() {
	from=$(readlink -f "$TLS_SOURCE/..data") && [ -d "$from" ] || from=$TLS_SOURCE
	rm -rf "$1"
	mkdir -p "$1"
	for file in tls.crt tls.key ca.crt; do
		cat "$from/$file" >"$1/$file" 2>/dev/null || :
	done
}

# tls_adopt makes the Secret's files the server's, or says in $reason why not.
tls_adopt() {
	reason=
	new="$TLS_FOLDER/new"
	tls_copy "$new"
	version=$(tls_sum "$new")
	if [ -s "$TLS_FOLDER/current/tls.crt" ] && [ "$version" = "$(tls_sum "$TLS_FOLDER/current")" ]; then
		return 0
	fi
	reason=$(tls_fault "$new")
	[ -z "$reason" ] || return 1
	rm -rf "${TLS_FOLDER:?}/$version"
	mv "$new" "$TLS_FOLDER/$version"
	sync "$TLS_FOLDER/$version"/*
	ln -sfn "$version" "$TLS_FOLDER/next"
	mv -fT "$TLS_FOLDER/next" "$TLS_FOLDER/current"
	for old in "$TLS_FOLDER"/*/; do
		case ${old%/} in
		"$TLS_FOLDER/$version" | "$TLS_FOLDER/current") ;;
		*) rm -rf "${old%/}" ;;
		esac
	done
	tls_log "the server's certificate: $(tls_about "$TLS_FOLDER/current/tls.crt")"
}
