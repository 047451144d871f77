#!/usr/bin/env bash
# Run the tests as if on other days: on_another_day.sh PYTHON SHIFT... [-- OPTION OF PYTEST...]
# A shift is one as faketime takes it, such as +1d.
# Left out: test_full_disk.py, whose processes have a clean environment and would keep today's date; test_fc_packages.py, whose
# clouds wait for another Python, and libfaketime breaks that wait (EINVAL) in processes that shifted_date.py does not reach.
set -euo pipefail
python=$1
shift
shifts=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    shifts+=("$1")
    shift
done
shift || true

if ! command -v faketime >/dev/null; then
    echo "SKIPPED: the tests on another day need faketime (Debian and Ubuntu: apt-get install faketime)."
    exit 0
fi
for days in "${shifts[@]}"; do
    echo "As if it were $(faketime -f "$days" date -u +%F):"
    faketime --exclude-monotonic -f "$days" "$python" -m pytest tests/unit tests/contract tests/simulation/regressions \
        --deselect tests/contract/localcloud/test_full_disk.py --deselect tests/contract/localcloud/test_fc_packages.py "$@"
done
