"""What the checkers must not report as a violation."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.simulation.invariants.chosen import RELEASES, OnlyTheChosen
from tests.simulation.invariants.commands import OwnCommands
from tests.simulation.invariants.half import HalfRolledBack
from tests.simulation.invariants.meant import AsMeant
from tests.simulation.invariants.restored import Reset, RolledBackIsTrue
from tests.simulation.invariants.tools import RECORD_OF_WINDOWS, MediaDisksGo
from tests.simulation.records import MIGRATIONS, State
from tests.simulation.scenario import DRAIN
from tests.simulation.truth import Change, Effect
from tests.support.fleets import CENTOS_7, CENTOS_8, RHEL_8, RHEL_9, WINDOWS_2008

MIGRATION: Any = SimpleNamespace(migration_id="m1", instance_id="i-1")


def scene(*disks: str) -> Any:
    """An instance with these disks. Somebody has deleted all snapshots of them."""
    truth = SimpleNamespace(disks=lambda _: [{"DiskId": each} for each in disks], snapshots=lambda: [])
    return SimpleNamespace(truth=truth, names_deleted_by_others={}, began=0)


def test_a_stop_needs_no_snapshots_of_an_earlier_migration_whose_disks_were_all_reset() -> None:
    checker = RolledBackIsTrue()
    checker._resets["d-1"] = Reset(count=5, at_ms=0, snapshot={})
    assert list(checker._ready(MIGRATION, 4, scene("d-1"))) == []


def test_a_stop_needs_a_snapshot_of_each_disk_that_was_not_reset() -> None:
    checker = RolledBackIsTrue()
    checker._resets["d-1"] = Reset(count=5, at_ms=0, snapshot={})
    (found,) = checker._ready(MIGRATION, 4, scene("d-1", "d-2"))
    assert "d-2 has no snapshot" in found


def test_a_repeated_snapshot_call_is_judged_though_the_instance_has_been_released() -> None:
    """A repeated call with the same client token is answered, although the disk no longer exists."""
    gone = SimpleNamespace(truth=SimpleNamespace(ecs=SimpleNamespace(store=SimpleNamespace(get=lambda *_: None))))
    made = Effect("CreateSnapshot", {"DiskId": "d-1", "SnapshotName": "replank-m1-0-d-1"}, "role:snapshot", {"SnapshotId": "s-1"})
    assert list(OnlyTheChosen().effect(made, cast(Any, gone))) == []


@pytest.mark.parametrize("system", [CENTOS_7, CENTOS_8, RHEL_8, RHEL_9, WINDOWS_2008])
def test_a_batch_may_select_every_system_of_the_fleets_by_its_release(system: tuple[str, str, str]) -> None:
    """A notice about CentOS 8 selects the instances that run it (seeds 57670435 and 57670545)."""
    assert [release for release, start in RELEASES.items() if system[0].startswith(start)] != []


def test_an_act_may_name_the_version_before_a_ready_migration_released_its_slot() -> None:
    """The release counts an attempt more, but the migration stays ready: the person saw the same (seed 57283550)."""
    assert judge_cancellation(State.READY, State.READY) == []


def test_an_act_may_not_name_the_version_before_the_migration_failed_again() -> None:
    (found,) = judge_cancellation(State.SNAPSHOTTING, State.FAILED)
    assert "meant for version 1 of m1 was applied to version 3" in found


@pytest.mark.parametrize(("before", "found"), [(State.SNAPSHOTTING, 0), (State.READY, 1)])
def test_a_drain_may_follow_a_cancellation_only_if_its_step_came_before(before: State, found: int) -> None:
    """A person cancelled the migration between the step and its call (seed 49056263)."""
    migration = SimpleNamespace(migration_id="m1", attempt=1, instance_id="i-1", batch_id="b1", state=State.CANCELLED)
    truth = SimpleNamespace(
        of_instance=lambda _: [migration],
        states_since=lambda _, began: {State.READY, before, State.CANCELLED} if began == 7 else set(),
    )
    scene = SimpleNamespace(truth=truth, began=7, batch=lambda _: SimpleNamespace(acknowledgement="ann"))
    checker = OwnCommands()
    said = list(checker._drain("i-1", "t-1", cast(Any, scene)))
    assert [each for each in said if "before its snapshots" in each] == said
    assert len(said) == found
    assert (checker._last.get("m1") == DRAIN) is (not found), "the guest must be restored in the end"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("Denied. The instance may be stopped, and could not be started: Denied again.", 0),
        ("Denied. d-1: restored. The instance is stopped.", 0),
        ("Denied. The instance was stopped, and has been started again.", 1),
        ("Denied.", 1),
    ],
)
def test_a_failed_rollback_that_left_the_instance_stopped_must_say_so(told: str, found: int) -> None:
    """The sentence had been reworded, and the checker still asked for the former words (seed 49056698)."""
    store = SimpleNamespace(get=lambda *_: {"Status": "Stopped"})
    migration = SimpleNamespace(migration_id="m1", instance_id="i-1", failure=told)
    scene = SimpleNamespace(truth=SimpleNamespace(ecs=SimpleNamespace(store=store)))
    assert len(list(HalfRolledBack._left_stopped(cast(Any, migration), cast(Any, scene)))) == found


def judge_cancellation(second: State, third: State) -> list[str]:
    """What the checker finds if a person cancels a migration at version 3 and names version 1, with these states at 2 and 3."""
    checker = AsMeant()
    columns: dict[str, Any] = {"version": 0}
    found: list[str] = []
    states = (third, second, third, State.CANCELLED)
    for version, state in enumerate(states, start=1):
        before_state = states[version - 2].value if version > 1 else None
        entry = {
            "version": version,
            "at": "2026-11-23T08:00:00Z",
            "from_state": before_state,
            "to_state": state.value,
            "reason": "",
        }
        entry["by"] = "ann" if state is State.CANCELLED else "snapshot"
        after = {**columns, "version": version, f"change_{version:08d}": json.dumps(entry)}
        now = SimpleNamespace(state=state, hop=0, attempt=version, batch_id="b1", instance_id="i-1", migration_id="m1")
        truth = SimpleNamespace(migrations={"m1": now}, batch_rows={"b1": {}})
        at = SimpleNamespace(truth=truth, frame=request_to_cancel(seen=1) if version == 4 else None, named="", began=0)
        found += checker.row(Change(MIGRATIONS, ("m1",), columns if version > 1 else None, after), cast(Any, at))
        columns = after
    return found


def request_to_cancel(*, seen: int) -> Any:
    """The frame of an API request that cancels the migration m1 at the version seen."""
    http = {"path": "/v1/migrations/m1/cancellation", "method": "POST"}
    body = base64.b64encode(b"{}").decode()
    payload = {"requestContext": {"http": http}, "headers": {"If-Match": f'"{seen}"'}, "body": body, "isBase64Encoded": True}
    return SimpleNamespace(function="api", payload=json.dumps(payload))


@pytest.mark.parametrize(("boots", "found"), [(1, 1), (2, 0)])
def test_a_restart_by_a_person_ends_setup_so_that_its_disk_may_go(boots: int, found: int) -> None:
    """The guest keeps the note of the unit that ran before the restart (seed 64002396)."""
    tags = [{"TagKey": "replank:purpose", "TagValue": "media"}, {"TagKey": "replank:migration", "TagValue": "m1"}]
    disk = {"DiskId": "d-1", "DiskName": "replank-media-m1-0-1", "Tags": {"Tag": tags}}
    guest = {"sim": {"unit": {"name": "replank-tool", "boot": 1}, "boots": boots}}
    truth = SimpleNamespace(
        migrations={"m1": SimpleNamespace(migration_id="m1", instance_id="i-1", state=State.MIGRATING, hop=0, attempt=1)},
        system_disk=lambda _: {f"{RECORD_OF_WINDOWS}phase": (0o644, b"running\n")},
        ecs=SimpleNamespace(instance=lambda _: guest),
    )
    detached = Effect("DetachDisk", {"DiskId": "d-1"}, "role:watch", {}, disk)
    assert len(list(MediaDisksGo().effect(detached, cast(Any, SimpleNamespace(truth=truth))))) == found
