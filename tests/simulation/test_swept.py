"""The sweep over the cloud's records says of each limit when it was broken, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from tests.simulation.records import batch
from tests.simulation.swept import Move, Rules, paused_times, swept

T0 = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
POLICY = {
    "max_moving": 3,
    "max_moving_per_region": 2,
    "max_moving_per_wave": 2,
    "failure_budget": 0,
    "windows": [{"start": "12:00", "end": "20:00", "cutoff_min": 0}],
}
BATCH = batch(json.dumps({"batch_id": "b1", "state": "open", "version": 1, "size": 4, "policy": POLICY}))
RULES = Rules(BATCH, 2, {"i-1": 0, "i-2": 0, "i-3": 1, "i-4": 1}, {"i-1": "db", "i-4": "db"})


def move(number: int, began_min: int, ended_min: int, account: str = "1", region: str = "cn-x", *, failed: bool = False) -> Move:
    """One instance, from minute to minute after noon; its job begins ten minutes after its snapshot."""
    began, job = (T0 + timedelta(minutes=each) for each in (began_min, began_min + 10))
    return Move(f"i-{number}", account, region, (began,), (job,), T0 + timedelta(minutes=ended_min), failed)


CLEAN = [move(1, 0, 40), move(2, 5, 45, "2"), move(3, 45, 85), move(4, 50, 90, "2")]


def kinds(moves: list[Move], rules: Rules = RULES) -> set[str]:
    """The limits that the sweep names."""
    return {sentence.partition(":")[0] for sentence in swept(moves, rules)}


def test_nothing_is_said_of_what_keeps_to_the_limits() -> None:
    assert kinds(CLEAN) == set()


@pytest.mark.parametrize(
    ("broken", "moves"),
    [
        ({"account", "region", "wave"}, [move(1, 0, 40), move(2, 0, 40), move(5, 0, 40)]),
        ({"batch", "wave"}, [move(number, 0, 40, str(number), f"cn-{number}") for number in (1, 2, 5, 6)]),
        ({"wave", "region"}, [move(number, 0, 40, str(number)) for number in (1, 2, 5)]),
        ({"group", "wave order"}, [move(1, 0, 40), move(4, 30, 70, "2")]),
        ({"wave order"}, [move(1, 0, 40), move(3, 30, 70, "2")]),
        ({"window"}, [move(1, 475, 600)]),
        ({"budget"}, [move(1, 0, 40, failed=True), move(2, 46, 90)]),
    ],
    ids=lambda value: " ".join(sorted(value)) if isinstance(value, set) else "",
)
def test_each_limit_is_named_that_was_broken(broken: set[str], moves: list[Move]) -> None:
    rules = replace(RULES, waves={**RULES.waves, "i-5": 0, "i-6": 0})
    assert kinds(moves, rules) == broken


def test_a_turn_that_was_given_up_before_its_job_ended_with_its_snapshots() -> None:
    again = replace(move(1, 0, 140), snapshots=(T0, T0 + timedelta(minutes=100)), jobs=(T0 + timedelta(minutes=110),))
    between = [move(2, 10, 50), move(5, 20, 60)]
    rules = replace(RULES, waves={**RULES.waves, "i-5": 0})
    assert kinds([again, *between], rules) == set()
    assert kinds([replace(again, jobs=(T0 + timedelta(minutes=10), *again.jobs)), *between], rules) == {"account", "region", "wave"}


def test_a_failure_counts_again_only_after_it_could_be_noticed_and_until_a_person_resumes() -> None:
    failing = [move(1, 0, 40, failed=True), move(2, 44, 90)]
    assert kinds(failing) == set()
    later = [failing[0], move(2, 70, 110)]
    pause = ((T0 + timedelta(minutes=41), T0 + timedelta(minutes=60)),)
    assert kinds(later) == {"budget"}
    assert kinds(later, replace(RULES, stops=pause)) == set()
    assert kinds([failing[0], move(2, 55, 90)], replace(RULES, stops=pause)) == {"pause", "budget"}


def test_the_times_of_pauses_come_from_the_journal_of_the_batch() -> None:
    lines = [
        {"version": 5, "act": "resume", "at": "2026-11-23T13:00:00Z"},
        {"version": 4, "act": "pause", "at": "2026-11-23T12:00:00Z"},
        {"version": 6, "act": "pause", "at": "2026-11-23T14:00:00Z"},
    ]
    first, last = paused_times(lines)
    assert first == (T0, T0 + timedelta(hours=1))
    assert (last[0], last[1].year) == (T0 + timedelta(hours=2), 9999)
