#!/bin/sh
# The official image's entry point as far as the stack uses it: flags or a configuration file alone go to
# redis-server. The official one steps down from root; this one has no tool for that and refuses.
set -eu
case "${1:-}" in
'' | -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	echo "redis-server: this image does not step down from root, run it as uid 999" >&2
	exit 1
fi
exec "$@"
