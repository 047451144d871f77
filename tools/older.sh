#!/usr/bin/env bash
# Put an older generation of an SDK into a folder of its own, once: older.sh PYTHON REQUIREMENTS TARGET
# Without the packages that it names but does not need (numpy). Its test is skipped if this fails.
set -euo pipefail
python=$1 requirements=$2 target=$3
if cmp -s "$requirements" "$target/installed.txt"; then exit 0; fi
echo "Installing $requirements (once) ..." >&2
rm -rf "$target"
if "$python" -m pip install -qq --disable-pip-version-check --no-input --no-deps --target "$target" -r "$requirements"; then
    cp "$requirements" "$target/installed.txt"
else
    echo "The packages of $requirements could not be installed: their tests will be skipped." >&2
fi
