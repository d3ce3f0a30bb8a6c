#!/usr/bin/env bash
# Writes what a deployment would change as Markdown; the status is Pulumi's, or 1 where the cluster lacks a prerequisite.
# usage: .github/preview.sh STACK FILE LIMITS   LIMITS: settings of the policies, from kept-shards.sh
set -euo pipefail
(($# == 3)) || { echo "usage: $0 STACK FILE LIMITS" >&2; exit 2; }
stack=$1 file=$2 limits=$3
[[ -s $limits ]] || { echo "$limits has no settings: without them no policy keeps the deployed shards" >&2; exit 2; }
most=30000 # two stacks fit a comment, which holds 65536 characters

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
preview() { pulumi preview --stack "$stack" --policy-pack policies --policy-pack-config "$limits" --non-interactive --color never "$@"; }

status=0
preview --diff >"$work/diff" 2>&1 || status=$?
if ((status == 0)); then
  preview --json --show-sames >"$work/plan" 2>"$work/log" || { cat "$work/log"; exit 1; }
  go run ./cmd/summary <"$work/plan" >"$work/summary"
  go run ./cmd/prerequisites <"$work/plan" >>"$work/summary" || status=1
else
  echo "The preview failed with status $status." >"$work/summary"
fi
cat "$work/summary" "$work/diff"

{
  printf '### %s\n\n~~~~text\n' "${stack##*/}"
  cat "$work/summary"
  printf '~~~~\n\n<details><summary>Diff</summary>\n\n~~~~diff\n'
  head -c "$most" "$work/diff" | iconv -c -t UTF-8
  (($(wc -c <"$work/diff") <= most)) || printf '\n… the rest is in the run\n'
  printf '~~~~\n\n</details>\n'
} >"$file"
exit "$status"
