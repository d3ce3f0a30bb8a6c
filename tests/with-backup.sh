#!/usr/bin/env bash
# Runs a command with what tests of backups need beside real servers (with-servers.sh): an S3 server, compiled once below
# .lab/cache, the Python packages of images/postgres, fetched once by their hashes, and the API server that make build compiles.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache=.lab/cache/backup
mkdir -p "$cache"
go build -C lab/s3 -trimpath -o "$PWD/$cache/versitygw" github.com/versity/versitygw/cmd/versitygw
sum=$(cat images/postgres/requirements.txt tests/with-backup.sh | sha256sum | cut -c1-12)
if [[ ! -d $cache/python-$sum ]]; then
  rm -rf "$cache"/python-*
  # Without ydiff, which has no wheel: only patronictl needs it.
  grep -vE '^ydiff==' images/postgres/requirements.txt >"$cache/requirements.txt"
  python3 -m pip install --quiet --no-deps --require-hashes --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 --abi abi3 \
    --abi none --platform manylinux2014_x86_64 --platform manylinux_2_31_x86_64 --platform any --target "$cache/new" --requirement "$cache/requirements.txt"
  mv "$cache/new" "$cache/python-$sum"
fi
# The servers run as nobody, who may not enter every home.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cp -r "$cache/python-$sum" "$dir/python"
chmod -R a+rX "$dir/python"
export SCALESTACK_TEST_S3=$PWD/$cache/versitygw SCALESTACK_TEST_BARMAN=$dir/python SCALESTACK_TEST_KUBERNETES=$PWD/.lab/bin
"$@"
