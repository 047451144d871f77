"""How many calls a whole migration takes: no more than it did, no more in a larger fleet, one of each that changes something."""

from __future__ import annotations

import json
from collections import Counter

from bench.costs import RECORDS_PER_DAY
from bench.counts import grown
from bench.fleets import live
from bench.meter import OUTSIDE
from bench.migration import figures, per_migration, tables
from bench.report import RESULTS
from tests.simulation.guests import doubled

COUNT = 2
SMALL, LARGE = 8, 24
GROWTH = 1.1
ONCE = (
    "CreateSnapshot",
    "CreateAccessToken",
    "CreateReplicationJob",
    "StartReplicationJob",
    "DeleteReplicationJob",
    "DeleteSourceServer",
)
AT_MOST = {
    "putEvents": 11,
    "PutRow": 12,
    "UpdateRow": 32,
    "GetRow": 53,
    "BatchGetRow": 64,
    "BatchWriteRow": 3,
    "DeleteRow": 2,
    "RunCommand": 5,
    "DeleteSnapshot": 2,
    "DescribeInstances": 5,
    "ModifyInstanceAttribute": 2,
    "DescribeDisks": 5,
    "DescribeSnapshots": 8,
    "DescribeCloudAssistantStatus": 5,
    "DescribeReplicationJobs": 5,
}
"""Calls of the functions for one migration of one hop and one disk. An idle account makes none of these, except that the tick
records its time (``RECORDS_PER_DAY`` calls of PutRow), which is subtracted.

How often the guest and the job are looked at depends on how long this restart and this job take.
"""


def test_a_migration_takes_no_more_calls_than_it_did() -> None:
    life = live(COUNT, max_moving=COUNT)
    assert life.states == {"completed": COUNT}
    calls: Counter[str] = Counter()
    for (function, _, operation), number in life.meter.calls.items():
        if function != OUTSIDE:
            calls[operation] += number
    calls["PutRow"] -= int(life.virtual_days * RECORDS_PER_DAY)
    assert {name: calls[name] / COUNT for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert {name: calls[name] / COUNT for name, most in AT_MOST.items() if calls[name] / COUNT > most} == {}


def test_no_count_is_above_the_one_that_was_measured_last() -> None:
    """Whoever adds a call measures again, and says so: BENCH_ACCEPT=1 python -m bench.migration, then make costs."""
    committed = json.loads((RESULTS / "migration.json").read_text(encoding="utf-8"))
    found = figures()
    assert tables(found), "each operation has its purpose on the page"
    assert grown(committed, found) == []


def test_a_migration_takes_no_more_in_a_larger_fleet() -> None:
    small, large = of_each(SMALL), of_each(LARGE)
    assert {name: (small[name], most) for name, most in large.items() if most > GROWTH * small[name]} == {}


def of_each(count: int) -> dict[str, float]:
    """What one migration of a fleet takes until it is migrated, by service and in all; a quarter of the fleet moves at once."""
    with doubled():
        busy = live(count, max_moving=count // 4, swept=False)
        found = per_migration(busy, live(0, max_moving=1, days=busy.virtual_days))
    assert busy.states == {"migrated": count}
    services: Counter[str] = Counter()
    for each in found["calls"]:
        services[each["service"]] += each["calls"]
    return {"invocations": sum(found["invocations"].values()), **services, **found["capacity_units"]}
