#!/bin/sh
# The official image's entry point as far as the stack uses it: flags alone go to postgres, anything else is run as
# given. It does not initialise an empty data folder and does not step down from root: the stack's pods do neither.
set -eu
case "${1:-}" in
'' | -*) set -- postgres "$@" ;;
esac
exec "$@"
