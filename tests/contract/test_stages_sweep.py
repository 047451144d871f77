"""The sweep and a snapshot whose id the ledger never learned: ours is deleted, another one with the same name stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from localcloud.account import service
from shared.domain.effects import ReleaseLock
from shared.domain.ledger import LedgerEntry, SnapshotState, name_of_snapshot
from shared.domain.message import Message
from shared.domain.migration import Migration, State, first_journal_entry, step_to_state
from shared.ports.ports import Ports
from shared.stages import sweep
from tests.support.fakes import FakeBus
from tests.support.fleets import fleet, instance
from tests.support.ports import T0, Bench, bench, migration

DAILY = Message("timer", "t", "timer", {})


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench() as made:
        made.world.load_fleet(fleet(instance(1)))
        yield made


@pytest.fixture
def ports(one: Bench) -> Ports:
    return replace(one.ports, bus=FakeBus())


def intended(one: Bench, ports: Ports, *, released: bool = True) -> tuple[Migration, LedgerEntry]:
    """A cancelled migration whose function died before it recorded the snapshot that it had requested. Its retention is over."""
    made = migration(1, state=State.CANCELLED, released_at=T0 - timedelta(days=9) if released else None)
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    disk = ports.compute.disks_of_instance(made.region_id, made.instance_id)[0].disk_id
    entry = LedgerEntry(
        migration_id=made.migration_id,
        key=f"0-1-{disk}",
        region_id=made.region_id,
        instance_id=made.instance_id,
        disk_id=disk,
        hop=0,
        owner="replank",
        state=SnapshotState.INTENDED,
        created_at=T0 - timedelta(days=9),
        sweep_at=one.now - timedelta(days=1),
    )
    return made, ports.ledger.write_new_entry(entry)


def confirmed(ports: Ports, number: int, *, retention_over: bool = True, **more: Any) -> Migration:
    """A confirmed migration without a snapshot."""
    due_at = T0 - timedelta(days=2) if retention_over else T0 + timedelta(days=5)
    given = {"state": State.CONFIRMED, "released_at": T0 - timedelta(days=9), "due_at": due_at}
    made = migration(number, **{**given, **more})
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return made


def snapshot_of(ports: Ports, made: Migration, **more: Any) -> LedgerEntry:
    """A ledger row of a snapshot that was never created."""
    entry = LedgerEntry(
        migration_id=made.migration_id,
        key="0-1-d-none",
        region_id=made.region_id,
        instance_id=made.instance_id,
        disk_id="d-none",
        hop=0,
        owner="replank",
        state=SnapshotState.INTENDED,
        created_at=T0 - timedelta(days=9),
    )
    return ports.ledger.write_new_entry(replace(entry, **more))


def states(ports: Ports, *made: Migration) -> list[State]:
    return [ports.migrations.load(each.migration_id).state for each in made]


def name(entry: LedgerEntry) -> str:
    return name_of_snapshot(entry.migration_id, 0, 1, entry.disk_id)


def ours(one: Bench, ports: Ports, entry: LedgerEntry) -> str:
    made = ports.compute.create_snapshot(
        entry.region_id, entry.disk_id, name=name(entry), token="t", migration_id=entry.migration_id
    )
    return done(one, ports, entry, made)


def somebodys(one: Bench, ports: Ports, entry: LedgerEntry, **more: Any) -> str:
    """A snapshot of the same disk with the same name, made in the console."""
    with one.world.cloud.lock, one.world.cloud.db.transaction():
        create = service(one.world.cloud, "ecs").operations["CreateSnapshot"]
        made = create.perform({"DiskId": entry.disk_id, "SnapshotName": name(entry), **more})
    return done(one, ports, entry, made["SnapshotId"])


def done(one: Bench, ports: Ports, entry: LedgerEntry, made: str) -> str:
    one.until(lambda: ports.compute.snapshots_by_id(entry.region_id, [made])[made].status == "accomplished", minutes=120)
    return made


def left(ports: Ports, entry: LedgerEntry) -> list[str]:
    return sorted(each.snapshot_id for each in ports.compute.snapshots_of_instance(entry.region_id, entry.instance_id))


def noted(ports: Ports, entry: LedgerEntry) -> tuple[SnapshotState, str]:
    found = ports.ledger.entries_of_migration(entry.migration_id)[0]
    return found.state, found.snapshot_id


def test_a_snapshot_whose_id_was_never_noted_goes(one: Bench, ports: Ports) -> None:
    _, entry = intended(one, ports)
    made = ours(one, ports, entry)
    sweep.handle_message(DAILY, ports)
    assert left(ports, entry) == []
    assert noted(ports, entry) == (SnapshotState.SWEPT, made)


def test_no_snapshot_goes_while_its_migration_still_owes_an_effect(one: Bench, ports: Ports) -> None:
    """The effect may be the very adoption or lock that the snapshot is for."""
    owner, entry = intended(one, ports)
    made = ours(one, ports, entry)
    taken = step_to_state(owner, State.CANCELLED, now=one.now, by="watch", reason="noted")
    ports.migrations.commit(replace(taken, effects=(ReleaseLock(owner.region_id, owner.instance_id),)))
    sweep.handle_message(DAILY, ports)
    assert left(ports, entry) == [made]
    for version in ports.migrations.load(owner.migration_id).owes:
        ports.migrations.remove_outbox(taken.after, version)
    sweep.handle_message(DAILY, ports)
    assert left(ports, entry) == []


@pytest.mark.parametrize("tags", [[], [{"Key": "replank:migration", "Value": "m-another"}]], ids=("untagged", "another's tag"))
def test_a_snapshot_that_only_bears_our_name_stays(one: Bench, ports: Ports, tags: list[dict[str, str]]) -> None:
    _, entry = intended(one, ports)
    made = ours(one, ports, entry)
    theirs = somebodys(one, ports, entry, Tag=tags)  # it is listed first
    sweep.handle_message(DAILY, ports)
    assert left(ports, entry) == [theirs]
    assert noted(ports, entry) == (SnapshotState.SWEPT, made)


def test_nobodys_name_is_enough_where_ours_was_never_made(one: Bench, ports: Ports) -> None:
    _, entry = intended(one, ports)
    theirs = somebodys(one, ports, entry)
    sweep.handle_message(DAILY, ports)
    assert left(ports, entry) == [theirs]
    assert noted(ports, entry) == (SnapshotState.SWEPT, "")


def test_what_nobody_released_stays(one: Bench, ports: Ports) -> None:
    _, entry = intended(one, ports, released=False)
    made = ours(one, ports, entry)
    sweep.handle_message(DAILY, ports)
    assert left(ports, entry) == [made]
    assert noted(ports, entry) == (SnapshotState.INTENDED, "")


def test_what_cannot_go_does_not_stand_in_the_way_of_the_rest(ports: Ports) -> None:
    """A page of snapshots that are still in use, or whose migration is gone, comes first every day."""
    for number in (7, 8):
        snapshot_of(ports, migration(number), sweep_at=T0 - timedelta(days=3))
    made = confirmed(ports, 1)
    snapshot_of(ports, made, sweep_at=T0 - timedelta(days=2))
    done = sweep.handle_message(DAILY, replace(ports, limits=replace(ports.limits, sweep_page=2)))
    assert done.facts == {"deleted": 1, "kept": 2, "completed": 1}
    assert states(ports, made) == [State.COMPLETED]


def test_a_run_that_was_interrupted_is_finished_by_the_next(ports: Ports) -> None:
    """The snapshots were deleted, but the function ended before the migration was completed."""
    made, waiting = confirmed(ports, 1), confirmed(ports, 2, retention_over=False)
    snapshot_of(ports, made, state=SnapshotState.SWEPT)
    assert sweep.handle_message(DAILY, ports).facts["completed"] == 1
    assert states(ports, made, waiting) == [State.COMPLETED, State.CONFIRMED]


def test_migrations_whose_retention_runs_are_not_read(one: Bench, ports: Ports) -> None:
    for number in range(1, 6):
        confirmed(ports, number, retention_over=False)
    assert one.calls(lambda: sweep.handle_message(DAILY, ports)) == ["GetRange", "GetRange"]


class At:
    """A clock that stands still."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Hurried:
    """A clock that moves three minutes with every reading."""

    def __init__(self) -> None:
        self.at = T0

    def now(self) -> datetime:
        self.at += timedelta(minutes=3)
        return self.at


def test_a_run_ends_before_its_function_does_and_the_next_goes_on(ports: Ports) -> None:
    made = [confirmed(ports, number) for number in range(1, 7)]
    few = replace(ports, limits=replace(ports.limits, sweep_page=2))
    done = sweep.handle_message(DAILY, replace(few, clock=Hurried()))
    assert (done.result, done.facts["completed"] < len(made)) == ("waiting", True)
    assert sweep.handle_message(DAILY, few).result == "done"
    assert set(states(ports, *made)) == {State.COMPLETED}


def test_what_another_version_confirmed_is_found_on_sundays(ports: Ports) -> None:
    """That version put the migrations on no lane."""
    made = confirmed(ports, 1, due_at=None)
    sweep.handle_message(DAILY, ports)
    assert states(ports, made) == [State.CONFIRMED]
    sweep.handle_message(DAILY, replace(ports, clock=At(T0 + timedelta(days=6))))
    assert states(ports, made) == [State.COMPLETED]
