#!/usr/bin/env bash
# Run the tests that know of dates as if on other days: on_another_day.sh PYTHON SHIFT... A shift is one as faketime takes it, such as +1d.
# They are named in dated.sh. If COVERAGE names a folder, what the first lanes cover of the library is noted there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/dated.sh
python=$1
shift

if ! command -v faketime >/dev/null; then
    echo "SKIPPED: the tests on another day need faketime (Debian and Ubuntu: apt-get install faketime)."
    exit 0
fi
said=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$said"' EXIT

# Run one lane, and keep what it says until all have ended.
lane() {
    local number=$1 days=$2 counted=()
    if [ "$number" -lt "$COVERING" ] && [ -n "${COVERAGE:-}" ]; then
        counted=(-m slipcover --source "$COVERED" --json --out "$COVERAGE/$number.json")
    fi
    # shellcheck disable=SC2086
    faketime --exclude-monotonic -f "$days" "$python" "${counted[@]}" -m pytest ${LANES[$number]} "${LEFT_OUT[@]/#/--deselect=}" \
        >"$said/$number" 2>&1
}

failed=0
for days in "$@"; do
    echo "As if it were $(faketime -f "$days" date -u +%F):"
    pids=()
    for number in "${!LANES[@]}"; do
        lane "$number" "$days" &
        pids+=($!)
    done
    for number in "${!LANES[@]}"; do
        wait "${pids[$number]}" || failed=1
        cat "$said/$number"
    done
done
exit "$failed"
