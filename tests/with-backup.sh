#!/usr/bin/env bash
# Runs a command with what tests of backups need beside real servers (with-servers.sh): an S3 server, compiled once below
# .lab/cache, and the Python packages of images/postgres, fetched once by their hashes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache=.lab/cache/backup
mkdir -p "$cache"
go build -C lab/s3 -trimpath -o "$PWD/$cache/versitygw" github.com/versity/versitygw/cmd/versitygw
sum=$(sha256sum images/postgres/requirements.txt | cut -c1-12)
if [[ ! -d $cache/python-$sum ]]; then
  rm -rf "$cache"/python-*
  # What barman and boto3 import; Patroni has no part in these tests.
  grep -E '^(barman|boto3|botocore|jmespath|s3transfer|psycopg2-binary|python-dateutil|tzdata|urllib3)==' images/postgres/requirements.txt >"$cache/requirements.txt"
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
export SCALESTACK_TEST_S3=$PWD/$cache/versitygw SCALESTACK_TEST_BARMAN=$dir/python
"$@"
