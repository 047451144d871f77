"""The sweep and a snapshot whose id the ledger never learned: ours goes, whatever else bears its name stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from localcloud.account import service
from shared.domain.ledger import LedgerEntry, SnapshotState, name_of
from shared.domain.message import Message
from shared.domain.migration import Migration, State, born
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
    """A cancelled migration whose function died before it noted what it had asked for; its retention is over."""
    made = migration(1, state=State.CANCELLED, released_at=T0 - timedelta(days=9) if released else None)
    ports.migrations.create(made, born(made, by="intake", reason="asked"), [])
    disk = ports.compute.disks(made.region_id, made.instance_id)[0].disk_id
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
    return made, ports.ledger.put_new(entry)


def name(entry: LedgerEntry) -> str:
    return name_of(entry.migration_id, 0, 1, entry.disk_id)


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
    one.until(lambda: ports.compute.snapshots(entry.region_id, [made])[made].status == "accomplished", minutes=120)
    return made


def left(ports: Ports, entry: LedgerEntry) -> list[str]:
    return sorted(each.snapshot_id for each in ports.compute.snapshots_of(entry.region_id, entry.instance_id))


def noted(ports: Ports, entry: LedgerEntry) -> tuple[SnapshotState, str]:
    found = ports.ledger.of_migration(entry.migration_id)[0]
    return found.state, found.snapshot_id


def test_a_snapshot_whose_id_was_never_noted_goes(one: Bench, ports: Ports) -> None:
    _, entry = intended(one, ports)
    made = ours(one, ports, entry)
    sweep.run(DAILY, ports)
    assert left(ports, entry) == []
    assert noted(ports, entry) == (SnapshotState.SWEPT, made)


@pytest.mark.parametrize("tags", [[], [{"Key": "replank:migration", "Value": "m-another"}]], ids=("untagged", "another's tag"))
def test_a_snapshot_that_only_bears_our_name_stays(one: Bench, ports: Ports, tags: list[dict[str, str]]) -> None:
    _, entry = intended(one, ports)
    made = ours(one, ports, entry)
    theirs = somebodys(one, ports, entry, Tag=tags)  # listed first
    sweep.run(DAILY, ports)
    assert left(ports, entry) == [theirs]
    assert noted(ports, entry) == (SnapshotState.SWEPT, made)


def test_nobodys_name_is_enough_where_ours_was_never_made(one: Bench, ports: Ports) -> None:
    _, entry = intended(one, ports)
    theirs = somebodys(one, ports, entry)
    sweep.run(DAILY, ports)
    assert left(ports, entry) == [theirs]
    assert noted(ports, entry) == (SnapshotState.SWEPT, "")


def test_what_nobody_released_stays(one: Bench, ports: Ports) -> None:
    _, entry = intended(one, ports, released=False)
    made = ours(one, ports, entry)
    sweep.run(DAILY, ports)
    assert left(ports, entry) == [made]
    assert noted(ports, entry) == (SnapshotState.INTENDED, "")
