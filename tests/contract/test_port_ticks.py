"""The time of the last tick: adapter and fake keep the same promises, and a tick of the watch function records it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters import tables
from shared.domain.errors import Permanent
from shared.domain.message import Message
from shared.domain.timing import TICK_RECORD_MINUTE
from shared.ports.ticks import TickTimeStore
from shared.stages import watch
from shared.stages.api.health import health_view
from tests.support.fakes import FakeTicks
from tests.support.ports import T0, Bench, bench

TICK = Message("", "e", "timer", {})
ROW = (("lock_id", "tick"),)


@pytest.fixture(params=["fake", "store"])
def ticks(request: pytest.FixtureRequest) -> Iterator[TickTimeStore]:
    if request.param == "fake":
        yield FakeTicks()
        return
    with bench("watch") as made:
        yield made.ports.ticks


def store_of(one: Bench) -> Any:
    return one.ports.migrations._store  # type: ignore[attr-defined]


def at_recording_minute(one: Bench) -> None:
    one.world.at(T0 + timedelta(minutes=TICK_RECORD_MINUTE))


def test_the_last_time_stays(ticks: TickTimeStore) -> None:
    assert ticks.last_tick_time() is None
    for minutes in (0, 5, 10):
        ticks.write_tick_time(T0 + timedelta(minutes=minutes))
        assert ticks.last_tick_time() == T0 + timedelta(minutes=minutes)


def test_a_tick_records_its_time_with_one_call_in_one_minute_of_five() -> None:
    with bench("watch") as one:
        counts = []
        for minute in range(10):
            one.world.at(T0 + timedelta(minutes=minute))
            counts.append(one.calls(lambda: watch.handle_message(TICK, one.ports)).count("PutRow"))
        assert counts == [0, 0, 1, 0, 0] * 2
        assert one.ports.ticks.last_tick_time() == T0 + timedelta(minutes=7)


def test_the_api_reads_the_time_with_one_call() -> None:
    with bench("api") as one:
        one.ports.ticks.write_tick_time(one.now)
        assert sorted(one.calls(lambda: health_view(one.ports))) == ["GetRange", "GetRow"]
        assert health_view(one.ports).figures[0].last_at == one.now


@pytest.mark.parametrize("columns", [{"ticked_at": "noon"}, {"other": 1}, {"ticked_at": 2**62}])
def test_a_row_that_nobody_can_read_is_said_and_written_again(columns: dict[str, Any]) -> None:
    with bench("watch") as one:
        store_of(one).put(tables.LOCKS, ROW, columns)
        with pytest.raises(Permanent, match=r"Store\.RowInvalid"):
            one.ports.ticks.last_tick_time()
        assert health_view(one.ports).figures[0].standing == "unknown"
        at_recording_minute(one)
        watch.handle_message(TICK, one.ports)
        assert one.ports.ticks.last_tick_time() == one.now


@pytest.mark.parametrize("kind", [{"kind": "drop_before"}, {"kind": "error", "code": "OTSNoPermissionAccess", "status": 403}])
def test_a_tick_does_its_work_although_the_store_refuses_the_record(kind: dict[str, Any]) -> None:
    with bench("watch") as one:
        at_recording_minute(one)
        one.faults({"service": "tablestore", "operation": "PutRow", "times": -1, **kind})
        assert watch.handle_message(TICK, one.ports).result == "done"
        one.faults()
        assert one.ports.ticks.last_tick_time() is None
