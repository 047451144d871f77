#!/usr/bin/env bash
# Install the packages that drive a browser, once: browser.sh PYTHON TARGET. The browser itself is Debian's: apt-get install chromium
# The browser tests are skipped where there is no Chromium or no way to the packages; that is no failure.
set -euo pipefail
python=$1 target=$2 wanted=requirements/browser.txt

if ! command -v chromium >/dev/null && [ -z "${CHROMIUM:-}" ]; then
    echo "No chromium here (Debian: apt-get install chromium; or set CHROMIUM): the browser tests will be skipped." >&2
    exit 0
fi
if cmp -s "$wanted" "$target/installed.txt"; then exit 0; fi
echo "Installing $wanted (once) ..." >&2
rm -rf "$target"
if "$python" -m pip install -qq --disable-pip-version-check --no-input --no-deps --target "$target" -r "$wanted"; then
    cp "$wanted" "$target/installed.txt"
else
    echo "$wanted could not be installed: the browser tests will be skipped." >&2
fi
