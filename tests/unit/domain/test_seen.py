"""An act applies to the version that the person saw, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.domain import acts, seen
from shared.domain.batch import Batch, BatchProgress, BatchState, PauseState, Selection
from shared.domain.migration import DriverData, Failure, JournalEntry, Migration, State, step_to_state
from shared.domain.policy import Policy

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
MIGRATED = Migration("m1", "b1", "i-1", "cn-hangzhou", State.MIGRATED, 7, 7, NOW, NOW, snapshots_made=2)

RAN = DriverData(job_id="j-1", started_at=NOW)
LOST = Failure("rollback", "Rollback.TimedOut", "m", "r")


def entry(version: int, was: State, to: State, by: str, reason: str) -> JournalEntry:
    return JournalEntry(version, NOW + timedelta(minutes=version), was, to, by, reason)


ARRIVED = entry(7, State.VALIDATING, State.MIGRATED, "validate", "the guest is as it was, on its new system")


@pytest.mark.parametrize(("version", "as_seen"), [(4, False), (5, True), (6, True), (7, True), (8, False)])
def test_progress_within_a_state_refuses_no_act(version: int, as_seen: bool) -> None:
    assert seen.is_state_unchanged_since(replace(MIGRATED, entered_version=5), version) is as_seen


@pytest.mark.parametrize("act", ["confirmation", "rollback"])
def test_an_act_is_done_for_the_operator_who_did_it_and_for_nobody_else(act: str) -> None:
    decisions: dict[str, Callable[[], Any]] = {
        "confirmation": lambda: acts.confirm_migration(MIGRATED, "ann", NOW, retention_days=7),
        "rollback": lambda: acts.roll_back_migration(MIGRATED, "ann", NOW),
    }
    journal = [ARRIVED, decisions[act]().entry]
    for version in (7, 8):  # the version before the act, and the version after it
        assert seen.is_act_done(act, "ann", version, journal)
        assert not seen.is_act_done(act, "bob", version, journal)
        assert not seen.is_act_done("cancellation", "ann", version, journal)


def test_a_retry_is_done_though_its_attempt_has_failed_since_but_a_new_one_is_not() -> None:
    journal = [
        entry(7, State.MIGRATING, State.FAILED, "watch", "Smc.JobFailed"),
        entry(8, State.FAILED, State.ACCEPTED, "ann", "retry after Smc.JobFailed"),
        entry(9, State.ACCEPTED, State.FAILED, "precheck", "Guest.Gone"),
    ]
    assert seen.is_act_done("retry", "ann", 7, journal)
    assert not seen.is_act_done("retry", "ann", 9, journal)


def test_the_retry_of_a_rollback_is_told_from_a_rollback() -> None:
    failed = replace(MIGRATED, state=State.FAILED, handle=RAN, failure=LOST)
    journal = [ARRIVED, acts.retry_migration(failed, "ann", NOW).entry]
    assert seen.is_act_done("retry", "ann", 7, journal)
    assert not seen.is_act_done("rollback", "ann", 7, journal)


def test_progress_after_an_act_does_not_hide_it() -> None:
    note = entry(9, State.ROLLING_BACK, State.ROLLING_BACK, "rollback", "2 disks reset")
    journal = [ARRIVED, entry(8, State.MIGRATED, State.ROLLING_BACK, "ann", "rollback requested"), note]
    assert seen.is_act_done("rollback", "ann", 7, journal)
    assert seen.is_act_done("rollback", "ann", 9, journal)


def test_the_release_of_what_was_rolled_back_is_a_change_of_its_own() -> None:
    back = replace(MIGRATED, state=State.ROLLED_BACK)
    journal = [ARRIVED, acts.confirm_migration(back, "ann", NOW, retention_days=7).entry]
    assert seen.is_act_done("confirmation", "ann", 7, journal)
    assert not seen.is_act_done("confirmation", "bob", 7, journal)


def test_a_refusal_says_what_it_is_now_who_moved_it_and_when() -> None:
    taken = step_to_state(MIGRATED, State.ROLLING_BACK, now=NOW, by="bob", reason="rollback requested")
    error = seen.migration_changed_refusal(taken.after, 7, [ARRIVED, taken.entry])
    assert (error.code, error.status) == ("Migration.Moved", 412)
    assert "rolling_back at version 8: moved by bob at 2026-11-23 08:00:00 UTC (rollback requested)" in error.message
    assert "replank show m1" in error.remedy


@pytest.mark.parametrize(("brake", "word"), [(PauseState.OFF, "resumed"), (PauseState.PAUSED, "paused")])
def test_a_refusal_on_a_batch_names_its_last_act(brake: PauseState, word: str) -> None:
    control = BatchProgress(brake, "bob", NOW)
    batch = Batch("b1", BatchState.OPEN, 3, NOW, "api", "ann", Selection(("cn-hangzhou",)), Policy(), control=control)
    assert f"It is {word} by bob since 2026-11-23 08:00:00 UTC" in seen.batch_changed_refusal(batch, 2).message
