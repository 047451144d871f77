"""The bus on EventBridge: what is sent, what is sent again, and what is given up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.account import service
from shared.adapters.bus import MAX_BYTES, MAX_ENTRIES, MAX_EVENT_BYTES, event_portions
from shared.domain import events
from shared.domain.errors import Permanent, Transient
from shared.domain.events import Event
from tests.support.ports import Bench, bench, migration


@pytest.fixture(scope="module")
def one() -> Iterator[Bench]:
    with bench() as made:
        yield made


def happened(number: int, size: int = 0) -> Event:
    return Event(events.SNAPSHOT_READY, f"m1-{number}-SnapshotReady", "migration/m1", {"n": number, "text": "x" * size})


def test_events_are_published_in_portions_and_reach_their_rule(one: Bench) -> None:
    made = migration(1)
    asked = events.migration_event(made, events.MIGRATION_REQUESTED, stage="precheck")
    assert one.calls(lambda: one.ports.bus.publish([asked, *map(happened, range(MAX_ENTRIES))])) == ["putEvents"] * 2
    one.world.run(1)
    assert len(service(one.world.cloud, "fc").history.of("replank-precheck")) == 1
    assert [each["data"]["migrationId"] for each in one.world.events(events.MIGRATION_REQUESTED)] == [made.migration_id]


def test_nothing_is_nothing(one: Bench) -> None:
    assert one.calls(lambda: one.ports.bus.publish([])) == []


def test_throttling_is_waited_out_then_given_up(one: Bench) -> None:
    one.faults({"service": "eventbridge", "operation": "putEvents", "kind": "throttle", "times": 2})
    assert one.calls(lambda: one.ports.bus.publish([happened(1)])) == ["putEvents"] * 3
    one.faults({"service": "eventbridge", "operation": "putEvents", "kind": "throttle", "times": -1})
    with pytest.raises(Transient) as caught:
        one.ports.bus.publish([happened(1)])
    assert caught.value.code == "Bus.PublishFailed"
    one.faults()


def test_a_denial_is_told_at_once(one: Bench) -> None:
    one.faults({"service": "eventbridge", "operation": "putEvents", "kind": "error", "code": "AccessDenied", "status": 403})
    with pytest.raises(Permanent) as caught:
        one.ports.bus.publish([happened(1)])
    assert caught.value.code == "AccessDenied"
    assert "role" in caught.value.remedy
    one.faults()


def test_a_lost_answer_is_sent_again(one: Bench) -> None:
    one.faults({"service": "eventbridge", "operation": "putEvents", "kind": "drop_after", "times": 1})
    one.ports.bus.publish([happened(1)])
    one.faults()


def test_an_event_that_no_call_can_carry_needs_a_person(one: Bench) -> None:
    with pytest.raises(Permanent) as caught:
        one.ports.bus.publish([happened(1, size=MAX_EVENT_BYTES)])
    assert caught.value.code == "Event.TooLarge"


def test_our_limits_are_the_lowest_that_are_published() -> None:
    """The page of PutEvents: 16 events per call, 64 KB per event, 256 KB per call. The page of limits allows larger events."""
    assert (MAX_ENTRIES, MAX_EVENT_BYTES <= 64 * 1024, MAX_BYTES <= 256 * 1024) == (16, True, True)


def test_portions_keep_the_order_and_both_limits() -> None:
    made = [(happened(number), b"x" * (60_000 if number % 7 == 0 else 10)) for number in range(60)]
    portions = list(event_portions(made))
    assert [each for portion in portions for each in portion] == made
    assert all(len(portion) <= MAX_ENTRIES for portion in portions)
    assert all(sum(len(data) for _, data in portion) <= MAX_BYTES for portion in portions)
