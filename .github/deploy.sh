#!/usr/bin/env bash
# Deploys a stack: keeps the deployed shards, compares the state with the cluster (docs/recovery.md), and says why it waits.
# usage: .github/deploy.sh [ORGANIZATION/PROJECT/]STACK
set -euo pipefail
(($# == 1)) || { echo "usage: $0 [ORGANIZATION/PROJECT/]STACK" >&2; exit 2; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."
limits=$(mktemp)
trap 'rm -f "$limits"' EXIT

.github/kept-shards.sh "$1" >"$limits"
pulumi refresh --stack "$1" --yes --skip-preview --run-program --non-interactive
go run ./cmd/watch -- pulumi up --stack "$1" --policy-pack policies --policy-pack-config "$limits" --yes --non-interactive --diff
