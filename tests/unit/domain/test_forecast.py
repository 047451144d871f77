"""The forecast: it runs the scheduler's own rules into the future, with random numbers from the caller."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.domain import forecast as forecasting
from shared.domain import waves
from shared.domain.batch import Acknowledgement, Batch, BatchProgress, BatchState, PauseState, Selection
from shared.domain.chosen import selection_digest
from shared.domain.durations import DECLARED, JOB, RandomDraws, duration_rows, parts_after_snapshots
from shared.domain.forecast import FAILED, MOVED, MOVING, Forecast, ForecastInput, ForecastMigration, forecast_batch
from shared.domain.forecast_queue import GroupLocks
from shared.domain.policy import parse_policy

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
SELECTION = Selection(("cn-hangzhou",))
ACK = Acknowledgement("ann", NOW, "v", (), selection_digest(SELECTION))
HOUR = timedelta(hours=1)


def items(count: int, **more: Any) -> list[ForecastMigration]:
    return [ForecastMigration(f"m{number:03d}", **more) for number in range(count)]


def ahead(policy: dict[str, Any], given: list[ForecastMigration], *, runs: int = 20, limit: int = 20, **more: Any) -> Forecast:
    chosen = parse_policy(policy)
    batch = Batch("b1", BatchState.OPEN, 2, NOW, "api", "ann", SELECTION, chosen, acknowledgement=ACK, size=len(given), **more)
    cut = waves.divide_into_waves([each.migration_id for each in given], chosen.waves) if chosen.waves else []
    return forecast_batch(ForecastInput(batch, given, cut, NOW, limit), seed="7", runs=runs)


def finish(policy: dict[str, Any], given: list[ForecastMigration], **more: Any) -> datetime:
    found = ahead(policy, given, **more).finish
    assert found.earliest is not None
    assert found.p10 is not None
    assert found.p50 is not None
    assert found.earliest <= found.p10 <= found.p50 <= (found.p90 or found.p50)
    return found.p50


GENEROUS = {"failureBudget": 1000}


def test_the_same_seed_gives_the_same_answer_and_another_seed_another() -> None:
    assert ahead(GENEROUS, items(9)) == ahead(GENEROUS, items(9))
    assert (
        RandomDraws("a").draw_duration(JOB, "m")
        == RandomDraws("a").draw_duration(JOB, "m")
        != RandomDraws("b").draw_duration(JOB, "m")
    )


def test_draws_keep_the_declared_shares() -> None:
    took = sorted(RandomDraws(f"{number}").draw_duration(JOB, "m") for number in range(2000))
    for share, minutes in ((0.1, JOB.low), (0.5, JOB.usual), (0.9, JOB.high)):
        assert took[int(share * 2000)] / timedelta(minutes=minutes) == pytest.approx(1, abs=0.08)


def test_limits_make_it_later() -> None:
    wide = finish({**GENEROUS, "maxMoving": 12}, items(12))
    assert finish({**GENEROUS, "maxMoving": 2}, items(12)) > wide + HOUR
    assert finish({**GENEROUS, "maxMoving": 12}, items(12), limit=2) > wide + HOUR, "the account's limit"
    assert finish({**GENEROUS, "maxMoving": 12}, items(12, hops=2)) > wide + HOUR / 2
    assert finish({**GENEROUS, "maxMoving": 12, "canary": 1}, items(12)) > wide + HOUR / 2


def test_nothing_starts_outside_of_the_window() -> None:
    window = {"start": "22:00", "end": "04:00"}
    found = ahead({**GENEROUS, "maxMoving": 12, "window": window}, items(12)).finish
    assert found.earliest is not None
    assert found.earliest >= NOW.replace(hour=22)
    black = {"from": "2026-11-23", "to": "2026-11-24"}
    assert finish({**GENEROUS, "blackouts": [black]}, items(2)) > NOW.replace(day=25, hour=0)


def test_waves_come_one_after_the_other_with_their_soak_and_a_person() -> None:
    policy: dict[str, Any] = {**GENEROUS, "waves": ["1", "3"], "maxMoving": 9}
    found = ahead(policy, items(7))
    ends = [each.p50 for each in found.waves]
    assert len(ends) == 3
    assert ends == sorted(ends, key=lambda each: each or NOW)
    assert found.finish.p50 == ends[-1]
    assert finish({**policy, "soakMin": 600}, items(7)) > (ends[-1] or NOW) + 18 * HOUR
    assert finish({**policy, "gate": "approval"}, items(7)) > (ends[-1] or NOW) + HOUR / 2


def test_a_spent_budget_costs_the_time_of_a_person() -> None:
    many = items(60)
    assert finish({"failureBudget": 0, "maxMoving": 20}, many) > finish({**GENEROUS, "maxMoving": 20}, many)


def test_a_spent_budget_of_a_wave_costs_the_time_of_a_person_too() -> None:
    many, wide = items(60), {**GENEROUS, "maxMoving": 20, "waves": ["30"]}
    assert finish({**wide, "waveFailureBudget": 0}, many) > finish(wide, many)


def test_what_has_ended_takes_no_time_and_what_moves_only_the_rest() -> None:
    assert finish(GENEROUS, items(3, state=MOVED)) == NOW
    assert ahead(GENEROUS, items(3, state=FAILED)).finish.p50 == NOW
    begun = items(1, state=MOVING, since=NOW - HOUR)
    assert finish(GENEROUS, begun) < finish(GENEROUS, items(1)) - HOUR / 2


def test_what_can_never_end_is_said_to() -> None:
    stopped = BatchProgress(PauseState.STOPPED, "bob", NOW)
    found = ahead({}, items(3), control=stopped)
    assert (found.finish.p10, found.finish.p90) == (None, None)


def test_a_job_that_a_person_starts_takes_longer() -> None:
    assert len(parts_after_snapshots("console")) == len(parts_after_snapshots("smc")) + 1
    assert finish({**GENEROUS, "driver": "console"}, items(5)) > finish(GENEROUS, items(5))


def test_each_duration_says_where_it_is_from() -> None:
    assert len(duration_rows()) == len(DECLARED)
    for each in DECLARED:
        assert each.low < each.usual < each.high
        assert each.source
        assert each.certainty in ("documented", "assumed")


def test_a_thousand_instances_are_run_ahead_as_well() -> None:
    found = ahead({"failurePercent": 5, "maxMoving": 20}, items(1000), runs=2)
    assert found.finish.p50 is not None


def test_members_of_a_group_move_one_after_the_other() -> None:
    policy = {**GENEROUS, "maxMoving": 12, "group": {"tag": "serves"}}
    alone = finish(policy, items(6))
    pairs = [replace(each, group=f"serves={place // 2}") for place, each in enumerate(items(6))]
    assert finish(policy, pairs) > alone + HOUR / 2
    assert finish(policy, items(6, group="serves=all")) > finish(policy, pairs) + HOUR
    under_way = [replace(pairs[0], state=MOVING, since=NOW), pairs[1]]
    assert finish(policy, under_way) > finish(policy, [under_way[0]]) + HOUR / 2


def test_a_member_that_failed_keeps_the_place_until_a_person_comes() -> None:
    policy = {**GENEROUS, "group": {"tag": "serves"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RandomDraws, "draw_failure", lambda self, id, hop: id == "m000")
        ends = finish(policy, items(2, group="serves=all"))
        assert ends > finish(policy, items(2)) + HOUR


def test_a_large_batch_is_looked_at_once_a_minute_and_ends_about_when_a_precise_run_says(monkeypatch: pytest.MonkeyPatch) -> None:
    given = items(forecasting.LARGE)
    rough = finish({**GENEROUS, "maxMoving": 60}, given, runs=1, limit=60)
    monkeypatch.setattr(forecasting, "LARGE", len(given) + 1)
    precise = finish({**GENEROUS, "maxMoving": 60}, given, runs=1, limit=60)
    assert abs(rough - precise) < timedelta(minutes=30)


def test_a_large_batch_asks_little_for_each_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, not times: 10,000 instances must fit in the time of the api function."""
    count, runs = 1000, 3
    asked: Counter[str] = Counter()
    for owner, name in ((forecasting, "blocking_limit"), (RandomDraws, "_draw_fraction"), (GroupLocks, "acquire_group_lock")):
        monkeypatch.setattr(owner, name, counted(asked, getattr(owner, name)))
    found = ahead({**GENEROUS, "maxMoving": 100}, items(count), runs=runs, limit=100)
    assert found.finish.p50 is not None
    assert asked["_draw_fraction"] <= 5.1 * count * runs, "snapshots, three parts of the job, and whether it fails"
    assert asked["blocking_limit"] <= 0.8 * count * (runs + 1), "the starts of one minute share an answer"
    assert asked["take"] <= count * (runs + 1)


def test_members_that_wait_for_their_group_are_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    count, runs = 600, 2
    asked: Counter[str] = Counter()
    monkeypatch.setattr(GroupLocks, "acquire_group_lock", counted(asked, GroupLocks.acquire_group_lock))
    given = [replace(each, group=f"serves={place % 2}") for place, each in enumerate(items(count))]
    assert ahead({**GENEROUS, "maxMoving": 60, "group": {"tag": "serves"}}, given, runs=runs).finish.p50 is not None
    assert asked["take"] <= 3 * count * (runs + 1)


def counted(asked: Counter[str], real: Any) -> Any:
    def noted(*given: Any, **named: Any) -> Any:
        asked[real.__name__] += 1
        return real(*given, **named)

    return noted
