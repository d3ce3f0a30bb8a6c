#!/usr/bin/env bash
# Kills movers and servers while buckets move under load, on real servers, until
# RUNS runs have passed, and prints what was counted. Each run ends complete or
# cleanly taken back, with no slot, publication or row left; each test compares
# every user with the history of its writes. A failure stops it: SEED and RUNS
# repeat its draws. LOG keeps the output of all rounds (default: a new file).
#
# A round is every state once (movers, servers, failovers, taking back) and EACH random runs
# of each of the two random tests. PAUSE is how many milliseconds each of the
# four clients rests between two operations.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
runs=${RUNS:-300} seed=${SEED:-$((RANDOM * 32768 + RANDOM))} each=${EACH:-20}
log=${LOG:-$(mktemp --suffix=.fault-runs.log)}
program=$(mktemp)
trap 'rm -f "$program"' EXIT
echo "fault runs: $runs, from seed $seed, log in $log"
go test -C sharding -c -o "$program" ./reshard

# count prints the operations of the load, and how many were answered with an error.
count() {
  awk '
    /load: [0-9]+ operations/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ /^operations/) operations += $i; else if ($(i + 1) ~ /^errors/) errors += $i }
    END { print operations + 0, errors + 0 }' "$log"
}
passed() { grep -cE '^ +--- PASS: (TestMoverKilledAtEveryState/[^/ ]+|TestMoverKilledAtRandom/[^/ ]+|TestServersKilledAtEveryState/[^/ ]+/[^/ ]+|TestEverythingKilledAtRandom/[^/ ]+|TestTakeBackFromEveryState/[^/ ]+|TestTakenBackWhileMoversDie/[^/ ]+/[^/ ]+|TestFailoversOfSourceAndTarget/[^/ ]+/[^/ ]+) ' "$log" || true; }

: > "$log"
while [ "$(passed)" -lt "$runs" ]; do
  echo "round from seed $seed" >> "$log"
  if ! SCALESTACK_TEST_SEED=$seed SCALESTACK_TEST_RUNS=$each SCALESTACK_TEST_PAUSE=${PAUSE:-1} SCALESTACK_TEST_BUSY=1 env -C sharding/reshard "$program" -test.v -test.timeout 3h -test.run 'Killed|TakeBack|TakenBack|Failovers' >> "$log" 2>&1; then
    grep -E '^ *--- FAIL|Error:|Error Trace:' "$log" | head -20
    echo "FAILED after $(passed) runs, in the round from seed $seed; the log is $log"
    exit 1
  fi
  read -r operations errors <<< "$(count)"
  echo "$(passed) runs passed, $operations operations of the load, $errors of them answered with an error while a server or its mover was down; 0 lost, 0 doubled, nothing left behind"
  seed=$((seed + each))
done
