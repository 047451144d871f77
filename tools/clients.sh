#!/usr/bin/env bash
# Install the Node.js clients of the contract tests, once: clients.sh FOLDER-WITH-LOCK TARGET
# Their tests are skipped where there is no node or no way to its packages; that is no failure.
set -euo pipefail
source=$1 target=$2

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "No node and npm here: the tests with a Node.js client will be skipped." >&2
    exit 0
fi
if cmp -s "$source/package-lock.json" "$target/installed.json"; then exit 0; fi
echo "Installing the Node.js clients of the tests (once) ..." >&2
rm -rf "$target"
mkdir -p "$target"
cp "$source/package.json" "$source/package-lock.json" "$target/"
if npm ci --prefix "$target" --ignore-scripts --no-audit --no-fund --loglevel=error \
    --fetch-retries=1 --fetch-timeout=30000 >/dev/null 2>"$target/error.txt"; then
    cp "$source/package-lock.json" "$target/installed.json"
else
    echo "The Node.js clients could not be installed (see $target/error.txt): their tests will be skipped." >&2
fi
