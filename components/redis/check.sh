#!/bin/sh
# The probes of a server in its own pod.
#
#   sh check.sh ready   may it get clients?
#   sh check.sh alive   may it go on?
#
#   SERVER  redis-cli's options that say where the server is
#   PID     the server's process. Default: 1, the container's own
#
# The default user may PING, so no probe knows a password. The answer is compared, because
# redis-cli calls an error a success:
#
#   answer                                   alive  ready
#   PONG                                     yes    yes
#   the server has as many clients as it may yes    yes
#   another refusal, such as LOADING,        yes    no
#   MASTERDOWN, NOAUTH or NOPERM
#   BUSY: a script runs too long             no     no
#   no connection, no answer in time, none   no     no
#   at all, or one that is not Redis's
#
# What a restart would not mend is no reason for one: it empties the cache. A full server
# serves the clients that it has and refuses others at once, so it is ready too: without its
# one pod the Service would lead nowhere.
set -f

ask() { redis-cli $SERVER "$@" 2>&1; }

# A full server answers before it is asked, and closes. redis-cli writes first: on the socket
# it mostly finds a closed connection then, and reads no answer. As a pipe it reads first. A
# client that has left since makes room for it, so it is asked again.
answer=$(ask ping)
left=5
while [ "$left" -gt 0 ]; do
	case $answer in
	'' | *'Broken pipe'* | *'reset by peer'*) ;;
	*) break ;;
	esac
	answer=$(ask --pipe --pipe-timeout 1 </dev/null | head -n 1)
	case $answer in
	ERR* | DENIED*) break ;;
	esac
	answer=$(ask ping)
	left=$((left - 1))
done

case $answer in
PONG | 'ERR max number of clients'*) exit 0 ;;
BUSY*)
	# It holds up every client. The check ends it, or the server if it has written: that
	# cannot be undone, SIGTERM waits for its end, and the second SIGINT does not.
	case $(ask script kill; ask function kill) in
	*UNKILLABLE*) kill -INT "${PID:-1}"; sleep 1; kill -INT "${PID:-1}" ;;
	esac
	;;
*)
	# Redis's refusals begin with a code in capitals; what redis-cli itself says does not.
	code=${answer%% *}
	case $code in
	"$answer" | '' | *[!A-Z]*) ;;
	*) [ "${1:-}" != alive ] || exit 0 ;;
	esac
	;;
esac
printf 'the server says: %s\n' "$answer"
exit 1
