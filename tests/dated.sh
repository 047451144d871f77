# shellcheck shell=bash disable=SC2034
# The tests that every_test.sh and on_another_day.sh run under faketime.

# Each has a process of its own: pytest-xdist waits without pause under faketime, and takes half a core for it.
LANES=("tests/contract tests/unit" "tests/simulation/regressions")
# test_full_disk.py has processes with a clean environment, which would keep today's date. test_fc_packages.py has clouds that wait for
# another Python, and libfaketime breaks that wait (EINVAL) in processes that shifted_date.py does not reach.
LEFT_OUT=(tests/contract/localcloud/test_full_disk.py tests/contract/localcloud/test_fc_packages.py)
# What `make test` shows the coverage of, by the first lane.
COVERED=shared,functions,cli,console
