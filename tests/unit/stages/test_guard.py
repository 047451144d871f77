"""The guard: what somebody else does during a migration is recorded once; what the job does is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain import events
from shared.domain.message import Message
from shared.domain.migration import DriverData, Migration, State, first_journal_entry
from shared.stages import guard, watch
from tests.support.fakes import NOON, Fakes
from tests.support.ports import migration

MADE = migration(1, state=State.SNAPSHOTTING, disks=("d-1",))


def prepared(made: Migration = MADE) -> Fakes:
    fakes = Fakes()
    fakes.ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return fakes


def told(state: str, *, minutes: int = 1, event_id: str = "e1") -> Message:
    content = {"resourceId": MADE.instance_id, "state": state}
    return Message("ecs:Instance:StateChange", event_id, "acs.ecs", content, at=NOON + timedelta(minutes=minutes))


def noted(fakes: Fakes, state: str, message: Message) -> list[str]:
    guard.alert_on_power_change_by_others(MADE.migration_id, state, message, fakes.ports)
    return [each.reason for each in fakes.ports.migrations.journal(MADE.migration_id)[1:]]


def test_a_release_is_noted_once_however_often_its_event_comes() -> None:
    fakes = prepared()
    for _ in range(3):
        found = noted(fakes, "Deleted", told("Deleted"))
    assert found == ["somebody else released the instance"]
    assert [each.type for each in fakes.bus.published] == [events.INSTANCE_DISTURBED]
    assert noted(fakes, "Deleted", told("Deleted", event_id="e2")) == found * 2


def test_what_was_due_stays_due() -> None:
    due_at = NOON + timedelta(minutes=9)
    fakes = prepared(replace(MADE, due_at=due_at))
    noted(fakes, "Deleted", told("Deleted"))
    assert fakes.ports.migrations.load(MADE.migration_id).due_at == due_at


def test_a_restart_before_any_job_is_somebody_elses_and_one_of_the_job_is_not() -> None:
    assert noted(prepared(), "Running", told("Running")) == ["somebody else restarted the instance"]
    ran = replace(MADE, state=State.SNAPSHOTTED, handle=DriverData(job_id="j-1", started_at=NOON))
    assert noted(prepared(ran), "Running", told("Running")) == []
    assert noted(prepared(replace(MADE, state=State.SNAPSHOTTED, driver="console")), "Running", told("Running")) == []


@pytest.mark.parametrize("state", ["Running", "Stopped"])
def test_an_event_of_before_is_not_about_this(state: str) -> None:
    assert noted(prepared(), state, told(state, minutes=-60 * 24)) == []


@pytest.mark.parametrize("at", [State.ROLLING_BACK, State.MIGRATED, State.FAILED])
def test_the_pipelines_own_stop_is_none_of_the_guards_business(at: State) -> None:
    assert noted(prepared(replace(MADE, state=at)), "Stopped", told("Stopped")) == []


def test_somebody_elses_snapshot_of_a_disk_under_migration_is_noted_and_smcs_copy_is_not() -> None:
    fakes = prepared()
    room = fakes.ports.admission.slot_use(MADE.batch_id, MADE.migration_id)
    fakes.ports.admission.take_slot(room, MADE.migration_id, MADE.batch_id)

    def finished(name: str, disk: str) -> str:
        content = {"snapshotId": "s-1", "snapshotName": name, "diskId": disk, "result": "accomplished"}
        return watch.handle_message(
            Message("ecs:Snapshot:CreateSnapshotCompleted", name + disk, "acs.ecs", content), fakes.ports
        ).result

    assert [finished("by-hand", "d-1"), finished("by-hand", "d-9"), finished("SMC_Backup_Snapshot_1", "d-1")] == [
        "done",
        "stale",
        "stale",
    ]
    (line,) = fakes.ports.migrations.journal(MADE.migration_id)[1:]
    assert line.reason == "somebody else made snapshot s-1 of disk d-1"
