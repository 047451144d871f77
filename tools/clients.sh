#!/usr/bin/env bash
# Install the npm packages that tests judge with, once: clients.sh FOLDER-WITH-LOCK TARGET
# Their tests are skipped where there is no node or no way to its packages; that is no failure.
set -euo pipefail
source=$1 target=$2

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "No node and npm here: the tests that need $source will be skipped." >&2
    exit 0
fi
if cmp -s "$source/package-lock.json" "$target/installed.json"; then exit 0; fi
echo "Installing the npm packages of $source (once) ..." >&2
rm -rf "$target"
mkdir -p "$target"
target=$(realpath "$target")  # npm takes a link for a package of its own
cp "$source/package.json" "$source/package-lock.json" "$target/"
if npm ci --prefix "$target" --ignore-scripts --no-audit --no-fund --loglevel=error \
    --fetch-retries=1 --fetch-timeout=30000 >/dev/null 2>"$target/error.txt"; then
    cp "$source/package-lock.json" "$target/installed.json"
else
    echo "The npm packages of $source could not be installed (see $target/error.txt): their tests will be skipped." >&2
fi
