#!/usr/bin/env bash
# Runs drills one after the other in the local lab, and prints what each has measured; docs/drills.md says what each is for.
# One that fails does not keep the next from running. Logs are in .lab/logs.
# usage: tests/drills.sh NAME…, or all for every one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

declare -A command=(
  [failover]="make drill-failover"
  [failover-shards]="make drill-failover PARTS=grow FAULTS=8"
  [minor]="make drill-failover PARTS=minor"
  [minor-single]="make drill-failover PARTS=minor MEMBERS=1"
  [upgrade]="make drill-failover PARTS=upgrade"
  [restore]="make drill-backup PARTS='single alert'"
  [restore-members]="make drill-backup PARTS=members"
  [restore-shards]="make drill-backup PARTS=shards"
  [tls]="make prove-tls PARTS='move rotate redis'"
  [tls-members]="make prove-tls PARTS='members expires'"
  [certificates]="make prove-tls PARTS='redis members all'"
  [passwords]="make prove-rotation"
  [cache]="make prove-cache"
  [shards]="make prove-reshard USERS=20000"
  [state]="make prove-adopt"
  [major]="make drill-major"
  [alerts]="make prove-alerts"
  [disk]="make drill-disk"
  [hour]="make drill-hour"
  [nodes]="make drill-node"
  [zone]="make drill-node PARTS=zone NODES=5"
)
# The last two need labs with several nodes.
all=(failover failover-shards minor minor-single upgrade restore restore-members restore-shards tls tls-members certificates passwords cache shards major state alerts disk hour nodes zone)

wanted=("$@")
[[ "$*" != all ]] || wanted=("${all[@]}")
for name in "${wanted[@]}"; do
  [[ -v "command[$name]" ]] || { echo "there is no drill $name: one of ${all[*]}" >&2; exit 1; }
done
((${#wanted[@]})) || { echo "no drill is named: one of ${all[*]}" >&2; exit 1; }

# empty_lab keeps what was built. Drills need labs of one, three or five nodes, and the number of an old one cannot change.
empty_lab() {
  make down >.lab/logs/drills-down.log 2>&1
  rm -rf .lab/data .lab/pki .lab/config .lab/env .lab/pulumi/.pulumi
}

# measured is what the tests have logged, without where.
measured() { sed -nE 's/^ {4}[a-z_]+_test\.go:[0-9]+: /  /p; s/^ {8}/    /p' "$1"; }

mkdir -p .lab/logs
trap empty_lab EXIT
failed=()
for name in "${wanted[@]}"; do
  empty_lab
  log=.lab/logs/drill-$name.log began=$SECONDS result=passed
  bash -c "${command[$name]}" >"$log" 2>&1 || { result=FAILED failed+=("$name"); }
  echo "== $name: $result after $((SECONDS - began)) s: ${command[$name]}"
  measured "$log"
done
((${#failed[@]} == 0)) || { echo "failed: ${failed[*]}; see .lab/logs/drill-NAME.log"; exit 1; }
