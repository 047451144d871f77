"""How many calls a whole migration takes: no more than it did, and exactly one of each that changes something."""

from __future__ import annotations

from collections import Counter

from bench.fleets import live
from bench.meter import OUTSIDE

COUNT = 2
ONCE = (
    "CreateSnapshot",
    "CreateAccessToken",
    "CreateReplicationJob",
    "StartReplicationJob",
    "DeleteReplicationJob",
    "DeleteSourceServer",
)
AT_MOST = {
    "putEvents": 17,
    "PutRow": 16,
    "UpdateRow": 42,
    "DeleteRow": 1,
    "RunCommand": 3,
    "DeleteSnapshot": 2,
    "DescribeInstances": 4,
    "DescribeDisks": 5,
    "DescribeSnapshots": 8,
    "DescribeCloudAssistantStatus": 10,
    "DescribeReplicationJobs": 16,
}
"""Calls of the functions for one migration of one hop and one disk; an idle account makes none of these."""


def test_a_migration_takes_no_more_calls_than_it_did() -> None:
    life = live(COUNT, max_moving=COUNT)
    assert life.states == {"completed": COUNT}
    calls: Counter[str] = Counter()
    for (function, _, operation), number in life.meter.calls.items():
        if function != OUTSIDE:
            calls[operation] += number
    assert {name: calls[name] / COUNT for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert {name: calls[name] / COUNT for name, most in AT_MOST.items() if calls[name] / COUNT > most} == {}
