"""ECS's event that a snapshot is finished: what it marks, and when the stage continues."""

from __future__ import annotations

from dataclasses import replace

from shared.domain import events
from shared.domain.ledger import LedgerEntry, SnapshotState, name_of_snapshot
from shared.domain.message import Message
from shared.domain.migration import State, first_journal_entry
from shared.ports.ports import Ports
from shared.stages import watch
from tests.support.fakes import NOON, Fakes
from tests.support.ports import migration

MADE = migration(1, state=State.SNAPSHOTTING, disks=("d-1", "d-2"))


def entry(disk: str, state: SnapshotState, snapshot_id: str = "") -> LedgerEntry:
    """A ledger row for the snapshots of ``MADE``."""
    where = (MADE.migration_id, f"0-1-{disk}", MADE.region_id, MADE.instance_id, disk, 0, "replank")
    return LedgerEntry(*where, state=state, created_at=NOON, snapshot_id=snapshot_id)


def finished(ports: Ports, snapshot_id: str, disk: str) -> str:
    """Send the event for a finished snapshot. Returns the outcome."""
    content = {"snapshotId": snapshot_id, "snapshotName": name_of_snapshot(MADE.migration_id, 0, 1, disk), "result": "accomplished"}
    message = Message("ecs:Snapshot:CreateSnapshotCompleted", "e", "acs.ecs", {"content": content})
    return watch.handle_message(message, ports).result


def prepared(*entries: LedgerEntry) -> Fakes:
    fakes = Fakes()
    fakes.ports.migrations.create(MADE, first_journal_entry(MADE, by="intake", reason="asked"), [])
    for each in entries:
        fakes.ports.ledger.write_entry(each)
    return fakes


def test_one_finished_while_another_is_only_intended_is_marked() -> None:
    """The other snapshot's id is not known yet, because the function is requesting it at this moment."""
    first, second = entry("d-1", SnapshotState.CREATING, "s-1"), entry("d-2", SnapshotState.INTENDED)
    fakes = prepared(first, second)
    assert finished(fakes.ports, "s-1", "d-1") == "waiting"
    assert fakes.ports.ledger.entries_of_migration(MADE.migration_id)[0].state is SnapshotState.ACCOMPLISHED
    assert fakes.bus.published == []
    fakes.ports.ledger.write_entry(replace(second, state=SnapshotState.CREATING, snapshot_id="s-2"))
    assert finished(fakes.ports, "s-2", "d-2") == "done"
    assert [event.type for event in fakes.bus.published] == [events.STEP_DUE]
