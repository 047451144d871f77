# shellcheck shell=bash disable=SC2034
# The tests that every_test.sh and on_another_day.sh run under faketime.

# Each has a process of its own: pytest-xdist waits without pause under faketime, and takes half a core for it.
LANES=("tests/contract" "tests/unit" "tests/simulation/regressions")
# test_full_disk.py has processes with a clean environment, which would keep today's date.
LEFT_OUT=(tests/contract/localcloud/test_full_disk.py)
# What `make test` shows the coverage of, by the first lanes.
COVERED=shared,functions,cli,console
COVERING=2
