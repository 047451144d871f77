"""The end of a command in a guest wakes only the stage that waits for exactly this command."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain import events
from shared.domain.errors import ReplankError, Stale
from shared.domain.message import Message, Outcome
from shared.domain.migration import DriverData, Migration, State, first_journal_entry
from shared.stages.advance import load_current_migration, run_stage_or_fail_migration
from tests.support.fakes import Fakes
from tests.support.ports import migration

SENT = "t-hz0sent"


def ended(made: Migration, invoke: str = SENT, *, name: str = "") -> Message:
    """The event for the end of a command."""
    data = {"commandName": name or events.guest_command_name("precheck", made.migration_id), "invokeId": invoke}
    return Message(events.COMMAND_ENDED, "e1", events.ECS, data)


def kept(fakes: Fakes, **fields: Any) -> Migration:
    made = migration(1, **fields)
    fakes.ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return made


WAITING = [
    {"state": State.PRECHECKING, "probe_invocation_id": SENT},
    {"state": State.VALIDATING, "probe_invocation_id": SENT},
    {"state": State.SNAPSHOTTED, "handle": DriverData(import_invocation_id=SENT)},
]


@pytest.mark.parametrize("fields", WAITING)
def test_the_awaited_command_wakes(fields: dict[str, Any]) -> None:
    fakes = Fakes()
    made = kept(fakes, **fields)
    assert load_current_migration(ended(made), fakes.ports, frozenset({made.state})) == made


@pytest.mark.parametrize("fields", WAITING)
def test_any_other_command_is_stale(fields: dict[str, Any]) -> None:
    fakes = Fakes()
    made = kept(fakes, **fields)
    for other in ("t-hz0other", ""):
        with pytest.raises(Stale, match="does not wait"):
            load_current_migration(ended(made, other), fakes.ports, frozenset({made.state}))


def test_an_event_before_its_step_is_stale() -> None:
    """The command ended before its step was written, so the tick has to check again."""
    fakes = Fakes()
    made = kept(fakes, state=State.ACCEPTED)
    with pytest.raises(Stale):
        load_current_migration(ended(made), fakes.ports, frozenset({State.ACCEPTED, State.PRECHECKING}))


def test_an_event_after_its_state_is_stale() -> None:
    fakes = Fakes()
    made = kept(fakes, state=State.READY, probe_invocation_id=SENT)
    with pytest.raises(Stale):
        load_current_migration(ended(made), fakes.ports, frozenset({State.PRECHECKING}))


def test_a_tool_whose_commands_are_not_stored_is_looked_at() -> None:
    fakes = Fakes()
    made = kept(fakes, state=State.SNAPSHOTTED, driver="guest")
    assert load_current_migration(ended(made, "t-any"), fakes.ports, frozenset({State.SNAPSHOTTED})) == made
    smc = kept(Fakes(), state=State.SNAPSHOTTED)
    assert not smc.awaits_command("t-any")


def test_somebody_elses_command_with_such_a_name_is_acknowledged() -> None:
    fakes = Fakes()
    made = kept(fakes, state=State.PRECHECKING, probe_invocation_id=SENT)
    for name in ("replank-precheck-", "replank-precheck-backup", "replank-other-x", "replank"):
        with pytest.raises(ReplankError) as refused:
            load_current_migration(ended(made, name=name), fakes.ports, frozenset({made.state}))
        assert refused.value.code == "Migration.NotFound"


# A command that the account keeps. Its name contains no migration, so the lock of its instance says which migration waits.

KEPT = "replank-precheck-kept-probe-linux-0123456789abcdef"


def kept_ended(invoke: str = SENT, *, instance_id: str = "i-test0001", **more: Any) -> Message:
    data = {"commandName": KEPT, "invokeId": invoke, "instanceId": instance_id, "migrationId": "somebody else's word"}
    return Message(events.COMMAND_ENDED, "e1", events.ECS, data, region_id="cn-hangzhou", **more)


def woken(fakes: Fakes, message: Message) -> list[str]:
    """The migrations that the event wakes."""
    seen: list[str] = []

    def note(migration: Migration, ports: Any) -> Outcome:
        seen.append(migration.migration_id)
        return Outcome("waiting")

    run_stage_or_fail_migration(message, fakes.ports, frozenset({State.PRECHECKING}), ("precheck", events.PRECHECK_FAILED), note)
    return seen


def test_the_end_of_a_kept_command_wakes_the_migration_that_holds_the_instance() -> None:
    fakes = Fakes()
    made = kept(fakes, state=State.PRECHECKING, probe_invocation_id=SENT)
    fakes.admission.acquire_instance_lock(made.region_id, made.instance_id, made.migration_id)
    assert woken(fakes, kept_ended()) == [made.migration_id]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (kept_ended("t-hz0other"), "Command.NotAwaited"),
        (kept_ended(instance_id="i-test0002"), "Command.NotAwaited"),
        (kept_ended(instance_id=""), "Command.NotAwaited"),
    ],
    ids=["another command", "another instance", "no instance"],
)
def test_the_end_of_another_kept_command_wakes_nobody(event: Message, code: str) -> None:
    fakes = Fakes()
    made = kept(fakes, state=State.PRECHECKING, probe_invocation_id=SENT)
    fakes.admission.acquire_instance_lock(made.region_id, made.instance_id, made.migration_id)
    with pytest.raises(Stale) as refused:
        woken(fakes, event)
    assert refused.value.code == code
