#!/usr/bin/env bash
# Prints the settings of policy shards-kept for a stack, see cmd/keptshards. It fails unless it knows for certain what is
# deployed.
# usage: .github/kept-shards.sh [ORGANIZATION/PROJECT/]STACK >limits.json
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec go run ./cmd/keptshards "$@"
