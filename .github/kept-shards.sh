#!/usr/bin/env bash
# Prints the policies' settings for a stack: which shards are deployed, and which of them the deployed settings drain. A
# policy sees only what a program wants to have; with this it refuses to lose a shard that was not drained. A stack that
# is not there yet has none.
# usage: .github/kept-shards.sh STACK >limits.json
set -euo pipefail
shards=$(pulumi stack output shards --json --stack "$1" 2>/dev/null) || shards='[]'
jq '{"shards-kept": {deployed: map(.name), drained: map(select(.drained).name)}}' <<<"$shards"
