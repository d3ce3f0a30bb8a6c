#!/usr/bin/env bash
# Kills make up with SIGKILL at random moments, of a running, a stopped and an empty lab, and runs it once more: it has to
# converge, with nothing left to change. It deletes the lab's data. The seed is printed.
# usage: lab/kill-test.sh [RUNS] [SEED]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
runs=${1:-6} seed=${2:-$RANDOM}
RANDOM=$seed
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
echo "seed $seed"

for ((i = 1; i <= runs; i++)); do
  ((i % 2)) && make down >/dev/null
  ((i % 3 == 0)) && rm -rf .lab/data .lab/pki .lab/config
  setsid make up >"$logs/$i" 2>&1 &
  sleep "$((RANDOM % 35 + 2)).$((RANDOM % 10))"
  kill -KILL -- "-$!" 2>/dev/null || true # it may have ended by now
  status=0
  wait "$!" 2>/dev/null || status=$?
  # 0 and 137: it had finished, or it was killed. A run that fails by itself is what this test looks for.
  ((status == 0 || status == 137)) || { cat "$logs/$i"; echo "run $i failed by itself with status $status"; exit 1; }
  echo "run $i ended with status $status after: $(tail -n 1 "$logs/$i")"
done

make up
. .lab/env
pulumi preview --stack dev --expect-no-changes --non-interactive
