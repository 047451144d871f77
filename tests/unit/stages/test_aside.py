"""Work that cannot be done is postponed, so that nothing behind it has to wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain import events
from shared.domain.batch import Acknowledgement, Batch, BatchState, Selection
from shared.domain.drivers import SMC
from shared.domain.effects import CleanUpDriver
from shared.domain.errors import Permanent
from shared.domain.message import Message
from shared.domain.migration import DriverData, Migration, State, first_journal_entry, step_to_state
from shared.domain.policy import Policy
from shared.ports.driver import Driver
from shared.ports.migrations import MigrationPage, UnreadableRow
from shared.ports.ports import DeploymentLimits, Ports
from shared.stages import watch
from shared.stages.advance import advance_migration
from shared.stages.closing import close_batch_if_settled
from tests.support.fakes import NOON, FakeMigrations, Fakes
from tests.support.ports import migration


class DeniedCleanUp:
    """A driver whose clean-up is always refused."""

    traits = SMC

    def __init__(self) -> None:
        self.asked = 0

    def clean_up_hop(self, *_: Any, **__: Any) -> None:
        self.asked += 1
        raise Permanent("Forbidden.RAM", "no smc:DeleteSourceServer", "Give the permission.")

    def job_reports(self, migrations: Sequence[Migration]) -> dict[str, Any]:
        return {}


def smc(driver: Any) -> dict[str, Driver]:
    """Replaces SMC's driver, with the methods that these tests need."""
    return {"smc": driver}


def tick(ports: Ports) -> Any:
    return watch.handle_message(Message("timer", "t", "timer", {}), ports)


def owing(ports: Ports, number: int) -> Migration:
    """A migrated migration whose source server cannot be removed."""
    made = migration(number, state=State.VALIDATING, entered_at=NOON, handle=DriverData(source_id="s-1", job_id=f"j-{number}"))
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="x"), [])
    taken = step_to_state(made, State.MIGRATED, now=NOON, by="validate", reason="done")
    return advance_migration(ports, replace(taken, effects=(CleanUpDriver(made.handle, 0),)))


def test_a_page_of_outboxes_that_can_never_be_settled_does_not_starve_the_tick() -> None:
    fakes, denied = Fakes(), DeniedCleanUp()
    ports = replace(fakes.ports, limits=DeploymentLimits(tick_page=2), drivers=smc(denied))
    for number in (1, 2, 3):
        owing(ports, number)
    live = migration(4, state=State.PRECHECKING, due_at=NOON + timedelta(minutes=10))
    ports.migrations.create(live, first_journal_entry(live, by="intake", reason="x"), [])
    driven = 0
    for _ in range(600):
        fakes.clock.pass_time(minutes=1)
        tick(ports)
        driven += sum(
            event.type == events.STEP_DUE and event.data["migrationId"] == live.migration_id for event in fakes.bus.published
        )
        fakes.bus.published.clear()
    assert driven > 300, "it was never driven"
    assert 3 * 20 <= denied.asked <= 3 * 60, "each is still tried, ever less often"


def test_what_could_not_be_settled_is_settled_once_it_can_be() -> None:
    fakes = Fakes()
    ports = replace(fakes.ports, drivers=smc(DeniedCleanUp()))
    made = owing(ports, 1)
    for _ in range(120):
        fakes.clock.pass_time(minutes=1)
        tick(ports)
    assert ports.migrations.outboxes(made.migration_id)

    class Allowed(DeniedCleanUp):
        def clean_up_hop(self, *_: Any, **__: Any) -> None:
            return

    ports = replace(ports, drivers=smc(Allowed()))
    for _ in range(31):
        fakes.clock.pass_time(minutes=1)
        tick(ports)
    assert not ports.migrations.outboxes(made.migration_id)
    assert fakes.migrations.rows[made.migration_id].due_at is None, "its own time, which is none, is in force again"


@dataclass
class WithUnreadable(FakeMigrations):
    """A store in which some rows exist only in the index."""

    unreadable: set[str] = field(default_factory=set)
    aside: list[str] = field(default_factory=list)

    def load_migrations(self, migration_ids: Sequence[str]) -> list[Migration]:
        return [each for each in super().load_migrations(migration_ids) if each.migration_id not in self.unreadable]

    def postpone_unreadable_rows(self, migration_ids: Sequence[str], now: datetime) -> tuple[UnreadableRow, ...]:
        self.aside += migration_ids
        for each in migration_ids:  # at the end of the account's queue
            self.rows[each].migration = replace(self.rows[each].migration, entered_at=now)
        return ()

    def migration_page_of_batch(
        self, batch_id: str, *, state: State | None, limit: int, token: str, backward: bool = False
    ) -> MigrationPage:
        page = super().migration_page_of_batch(batch_id, state=state, limit=limit, token=token, backward=backward)
        bad = [each for each in page.migrations if each.migration_id in self.unreadable]
        left = tuple(each for each in page.migrations if each not in bad)
        return MigrationPage(left, page.next_token, tuple(UnreadableRow(each.migration_id, "of a later version") for each in bad))


def batch_of(ports: Ports, number: int, *ready: int) -> Batch:
    given = Acknowledgement("ann", NOON, "1", ())
    made = Batch(f"b{number}", BatchState.OPEN, 1, NOON, "api", "ann", Selection(()), Policy(max_moving=1), acknowledgement=given)
    ports.batches.create(made)
    for each in ready:
        one = migration(each, state=State.READY, batch_id=made.batch_id, entered_at=NOON + timedelta(minutes=each))
        ports.migrations.create(one, first_journal_entry(one, by="intake", reason="x"), [])
    return made


def test_a_row_that_nobody_can_read_takes_a_place_in_one_tick_only() -> None:
    fakes = Fakes()
    rows = WithUnreadable(fakes.clock)
    ports = replace(fakes.ports, migrations=rows)
    batch_of(ports, 1, 1, 2)
    rows.unreadable = {migration(1).migration_id}
    for _ in range(2):
        fakes.clock.pass_time(hours=1)
        tick(ports)
    assert rows.aside == [migration(1).migration_id]
    assert {event.data["migrationId"] for event in fakes.bus.published} == {migration(2).migration_id}


def test_a_batch_in_trouble_does_not_keep_the_others_from_their_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = Fakes()
    ports = fakes.ports
    batch_of(ports, 1, 1)
    batch_of(ports, 2, 2)
    tally = fakes.batches.load_tally

    def of_readable(batch_id: str) -> Any:
        if batch_id == "b1":
            raise Permanent("Store.RowInvalid", "terms of batch b1", "Correct it.")
        return tally(batch_id)

    monkeypatch.setattr(fakes.batches, "load_tally", of_readable)
    for _ in range(2):  # in either order
        fakes.clock.pass_time(minutes=1)
        assert tick(ports).facts["offered"] == 1


def test_a_batch_with_a_row_that_nobody_can_read_stays_open() -> None:
    fakes = Fakes()
    rows = WithUnreadable(fakes.clock)
    ports = replace(fakes.ports, migrations=rows)
    batch = batch_of(ports, 1, 1)
    rows.unreadable = {migration(1).migration_id}
    assert not close_batch_if_settled(batch.summary, ports)
    assert ports.batches.load("b1").state is BatchState.OPEN


def test_a_driver_of_a_later_version_spoils_only_its_own_migrations() -> None:
    fakes = Fakes()
    ports = replace(fakes.ports, drivers=smc(DeniedCleanUp()))
    later = migration(1, state=State.MIGRATING, driver="later", due_at=NOON)
    live = migration(2, state=State.PRECHECKING, due_at=NOON)
    for each in (later, live):
        ports.migrations.create(each, first_journal_entry(each, by="intake", reason="x"), [])
    assert tick(ports).facts["driven"] == 1
    with pytest.raises(Permanent, match=r"Driver\.Unknown"):
        ports.driver_with_name("later")
