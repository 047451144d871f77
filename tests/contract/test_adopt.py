"""Which snapshots are taken for SMC's own copies: only those from the time of a job of a driver that copies the disks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from localcloud.account import service
from shared.domain.effects import AdoptSnapshots
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.migration import Migration, State, first_journal_entry, step_to_state
from shared.ports.ports import Ports
from shared.stages.adopt import adopt_snapshots
from tests.support.fakes import FakeBus
from tests.support.fleets import fleet, instance
from tests.support.ports import Bench, bench, migration


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench() as made:
        made.world.load_fleet(fleet(instance(1)))
        yield made


def moved(one: Bench, ports: Ports, driver: str) -> Migration:
    """A migration whose only disk got a snapshot with a name like SMC's while its job ran."""
    made = migration(1, state=State.SNAPSHOTTED, driver=driver, prechecked_at=one.now)
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    disk = ports.compute.disks_of_instance(made.region_id, made.instance_id)[0].disk_id
    own = ("replank", SnapshotState.ACCOMPLISHED, one.now)
    ports.ledger.write_new_entry(
        LedgerEntry(made.migration_id, f"0-1-{disk}", made.region_id, made.instance_id, disk, 0, *own, snapshot_id="s-own")
    )
    running = step_to_state(made, State.MIGRATING, now=one.now, by="migrate", reason="started")
    ports.migrations.commit(running)
    with one.world.cloud.lock, one.world.cloud.db.transaction():
        create = service(one.world.cloud, "ecs").operations["CreateSnapshot"]
        taken = create.perform({"DiskId": disk, "SnapshotName": "SMC_Backup_Snapshot_x"})["SnapshotId"]
    one.until(lambda: ports.compute.snapshots_by_id(made.region_id, [taken])[taken].status == "accomplished", minutes=120)
    ended = step_to_state(running.after, State.RESTARTING, now=one.now, by="watch", reason="ended")
    ports.migrations.commit(ended)
    return ended.after


@pytest.mark.parametrize(("driver", "owners"), [("smc", ["replank", "smc"]), ("guest", ["replank"])])
def test_only_the_job_of_a_driver_that_copies_disks_has_copies(one: Bench, driver: str, owners: list[str]) -> None:
    ports = replace(one.ports, bus=FakeBus())
    made = moved(one, ports, driver)
    adopt_snapshots(AdoptSnapshots(), made, ports)
    assert sorted(each.owner for each in ports.ledger.entries_of_migration(made.migration_id)) == owners
