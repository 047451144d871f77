#!/usr/bin/env bash
# Make a private environment and install pinned packages into it: venv.sh FOLDER REQUIREMENTS
# Python is $PYTHON if set, else the first of 3.12, 3.11, 3.10 that runs here (an installed shim may not).
set -euo pipefail
folder=$1 requirements=$2

fits() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1
}

python_here() {
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" && { echo "$PYTHON"; return; }
        echo "PYTHON=$PYTHON is no Python 3.10, 3.11 or 3.12 with the modules venv and ensurepip." >&2
        return 1
    fi
    for name in python3.12 python3.11 python3.10 python3 python; do
        if fits "$name"; then echo "$name"; return; fi
    done
    echo "No Python 3.10, 3.11 or 3.12 (with the modules venv and ensurepip) was found on the PATH." >&2
    echo "Install one (Debian and Ubuntu: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.11 ..." >&2
    return 1
}

if [ ! -x "$folder/bin/python" ] || ! fits "$folder/bin/python"; then
    python=$(python_here)
    echo "Making $folder with $("$python" --version) ..." >&2
    rm -rf "$folder"
    "$python" -m venv "$folder"
fi
echo "Installing $requirements (once) ..." >&2
"$folder/bin/python" -m pip install -qq --disable-pip-version-check --no-input -r "$requirements"

# `replank` from anywhere, always this checkout's.
cat >"$folder/bin/replank" <<'END'
#!/bin/sh
root=$(cd "$(dirname "$0")/../.." && pwd)
PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" exec "$root/.venv/bin/python" -m cli "$@"
END
chmod +x "$folder/bin/replank"
