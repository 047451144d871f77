"""What the tick drives: everything that is due. Work that cannot make progress comes after the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain import events
from shared.domain.message import Message
from shared.domain.migration import Migration, State, first_journal_entry
from shared.ports.ports import DeploymentLimits, Ports
from shared.stages import watch
from tests.support.fakes import NOON, FakeBus, FakeClock, Fakes
from tests.support.ports import migration

TICK = Message("timer", "t", "timer", {})


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def waiting(ports: Ports, number: int, state: State = State.PRECHECKING) -> Migration:
    """A migration in a state that a stage drives, due now."""
    made = migration(number, state=state, due_at=NOON)
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return made


def driven(bus: FakeBus) -> list[str]:
    """The migrations that were driven since the last call."""
    found = [str(event.data["migrationId"]) for event in bus.published if event.type == events.STEP_DUE]
    bus.published.clear()
    return found


def later(fakes: Fakes, minutes: float) -> None:
    assert isinstance(fakes.clock, FakeClock)
    fakes.clock.at += timedelta(minutes=minutes)


def test_what_is_due_is_driven_every_minute_until_its_step_comes(fakes: Fakes) -> None:
    made = waiting(fakes.ports, 1)
    for _ in range(4):
        watch.handle_message(TICK, fakes.ports)
        assert driven(fakes.bus) == [made.migration_id]
        later(fakes, 1)


def test_snapshots_are_looked_at_again_when_their_events_seem_lost(fakes: Fakes) -> None:
    made = waiting(fakes.ports, 1, State.SNAPSHOTTING)
    found = []
    for _ in range(7):
        watch.handle_message(TICK, fakes.ports)
        found.append(driven(fakes.bus) == [made.migration_id])
        later(fakes, 1)
    assert found == [True, False, False, False, False, True, False]


def test_what_does_not_get_on_keeps_nobody_from_being_looked_at(fakes: Fakes) -> None:
    ports = replace(fakes.ports, limits=DeploymentLimits(tick_page=2))
    made = {waiting(ports, number).migration_id for number in range(1, 7)}
    seen: set[str] = set()
    for _ in range(6):
        watch.handle_message(TICK, ports)
        seen.update(driven(fakes.bus))
        later(fakes, 1)
    assert seen == made
