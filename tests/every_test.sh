#!/usr/bin/env bash
# Run every test once: every_test.sh PYTHON [OPTION OF PYTEST...]. Tests that know of dates run as if it were four and a half years later
# (on_another_day.sh); all others, and those if faketime is not installed, run today, shared among as many processes as there are cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/dated.sh
source tests/scratch.sh
unset PYTHONDONTWRITEBYTECODE # without compiled files, each of the hundreds of processes compiles all modules again
python=$1
shift

if ! command -v faketime >/dev/null; then
    tests/on_another_day.sh "$python" # says what is skipped, and why
    exec "$python" -m pytest tests "$@"
fi
dated=()
for lane in "${LANES[@]}"; do
    for folder in $lane; do
        dated+=("--ignore=$folder")
    done
done
scratch_in_memory
PERMISSIONS_NOTED=$(mktemp -u) # each run of pytest adds to it, and the last one tells of all
export PERMISSIONS_NOTED
COVERAGE=$(mktemp -d)
export COVERAGE
trap 'rm -rf "$PERMISSIONS_NOTED" "$COVERAGE" ${scratch:+"$scratch"}' EXIT
status=0
"$python" -m pytest tests "${dated[@]}" "$@" || status=$?
"$python" -m pytest "${LEFT_OUT[@]}" "$@" || status=$?
tests/on_another_day.sh "$python" +1650d || status=$?
if "$python" -m slipcover --merge "$COVERAGE"/*.json --json --out "$COVERAGE/all" >/dev/null; then
    "$python" -m tests.covered "$COVERAGE/all"
fi
exit "$status"
