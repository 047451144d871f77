"""The acts that a named person may do, and when it is too late for them."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from shared.domain import acts, events
from shared.domain.batch import RISKS_VERSION, Batch, BatchState, Selection
from shared.domain.effects import (
    AdoptSnapshots,
    CleanUpDriver,
    CountOutcome,
    ReleaseLock,
    ReleaseSlot,
    RestoreProtection,
    ScheduleSweep,
)
from shared.domain.errors import Refused
from shared.domain.migration import DriverData, Failure, Migration, State
from shared.domain.policy import Policy

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
BATCH = Batch("b1", BatchState.OPEN, 2, NOW, "api", "ann", Selection(("cn-hangzhou",)), Policy())


def at(state: State, stage: str = "", **more: object) -> Migration:
    failure = Failure(stage, "Some.Code", "it failed", "mend it") if stage else None
    migration = Migration("m1", "b1", "i-1", "cn-hangzhou", state, 7, 7, NOW, NOW, snapshots_made=2, failure=failure)
    return replace(migration, **more)  # type: ignore[arg-type]


STARTED = DriverData(job_id="j-1", started_at=NOW)


def kinds(taken: object) -> set[type]:
    return {type(effect) for effect in taken.effects}  # type: ignore[attr-defined]


def test_an_acknowledgement_records_who_when_and_which_text() -> None:
    given = acts.acknowledge_batch(BATCH, "ann", RISKS_VERSION, NOW).acknowledgement
    assert given is not None
    assert (given.operator, given.at, given.risks_version) == ("ann", NOW, RISKS_VERSION)
    assert all(given.text)


@pytest.mark.parametrize(
    ("batch", "version", "code"),
    [
        (BATCH, "1999", "Acknowledgement.OtherText"),
        (replace(BATCH, dry_run=True), RISKS_VERSION, "Batch.DryRun"),
        (replace(BATCH, state=BatchState.PLANNING), RISKS_VERSION, "Batch.StillPlanning"),
    ],
)
def test_an_acknowledgement_that_means_nothing_is_refused(batch: Batch, version: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        acts.acknowledge_batch(batch, "ann", version, NOW)
    assert caught.value.code == code


def test_a_second_acknowledgement_is_refused() -> None:
    with pytest.raises(Refused, match="AlreadyAcknowledged: ann acknowledged batch b1 at 2026-11-23 08:00:00 UTC already"):
        acts.acknowledge_batch(acts.acknowledge_batch(BATCH, "ann", RISKS_VERSION, NOW), "bob", RISKS_VERSION, NOW)


def test_a_confirmation_starts_the_retention_and_frees_the_instance() -> None:
    taken = acts.confirm_migration(at(State.MIGRATED), "ann", NOW, retention_days=7)
    assert (taken.after.state, taken.after.released_at, taken.entry.by) == (State.CONFIRMED, NOW, "ann")
    assert kinds(taken) == {ScheduleSweep, ReleaseLock}


@pytest.mark.parametrize(("snapshots", "days"), [(2, 7), (0, 0)])
def test_the_sweep_looks_when_the_retention_is_over(snapshots: int, days: int) -> None:
    """Without snapshots there is nothing to keep."""
    taken = acts.confirm_migration(at(State.MIGRATED, snapshots_made=snapshots), "ann", NOW, retention_days=7)
    assert taken.after.due_at == NOW + timedelta(days=days)
    assert (
        acts.confirm_migration(at(State.ROLLED_BACK, snapshots_made=snapshots), "ann", NOW, retention_days=7).after.due_at is None
    )


def test_accepting_a_failure_enters_what_the_job_made_before_the_retention_is_set() -> None:
    """A start that SMC refused may have run after all. Its backup copies are then made after the failure."""
    taken = acts.confirm_migration(at(State.FAILED, "migrate", handle=STARTED), "ann", NOW, retention_days=7)
    order = [type(effect) for effect in taken.effects]
    assert order == [ReleaseSlot, CleanUpDriver, AdoptSnapshots, ScheduleSweep, RestoreProtection, ReleaseLock]


def test_accepting_a_failure_before_any_job_looks_for_no_copies() -> None:
    taken = acts.confirm_migration(at(State.FAILED, "snapshot"), "ann", NOW, retention_days=7)
    assert kinds(taken) == {ReleaseSlot, CleanUpDriver, ScheduleSweep, RestoreProtection, ReleaseLock}


@pytest.mark.parametrize(("driver", "attempt", "cleans"), [("guest", 2, True), ("guest", 1, False), ("smc", 2, False)])
def test_accepting_a_rollback_cleans_the_guest_that_an_earlier_attempt_changed(driver: str, attempt: int, cleans: bool) -> None:
    """Nothing in SMC is touched: the instance is no longer locked, so another migration may be using the SMC resources."""
    taken = acts.confirm_migration(at(State.ROLLED_BACK, driver=driver, attempt=attempt), "ann", NOW, retention_days=7)
    assert (CleanUpDriver in kinds(taken)) is cleans


def test_a_rolled_back_migration_stays_so_and_only_releases_its_snapshots() -> None:
    taken = acts.confirm_migration(at(State.ROLLED_BACK), "ann", NOW, retention_days=7)
    assert (taken.after.state, taken.after.released_at) == (State.ROLLED_BACK, NOW)
    with pytest.raises(Refused, match="AlreadyConfirmed"):
        acts.confirm_migration(taken.after, "ann", NOW, retention_days=7)


def test_a_cancelled_migration_is_confirmed_only_to_release_its_snapshots() -> None:
    assert acts.confirm_migration(at(State.CANCELLED), "ann", NOW, retention_days=7).after.released_at == NOW
    with pytest.raises(Refused, match="Migration m1 is cancelled; it cannot be confirmed"):
        acts.confirm_migration(at(State.CANCELLED), "ann", NOW, retention_days=7, holds_snapshots=False)


@pytest.mark.parametrize("state", [State.READY, State.MIGRATING, State.RESTARTING, State.VALIDATING, State.ROLLING_BACK])
def test_nothing_under_way_can_be_confirmed(state: State) -> None:
    with pytest.raises(Refused):
        acts.confirm_migration(at(state), "ann", NOW, retention_days=7)


@pytest.mark.parametrize(
    ("stage", "changes", "to", "resumes"),
    [
        ("precheck", {}, State.ACCEPTED, ""),
        ("snapshot", {}, State.ACCEPTED, ""),
        ("migrate", {}, State.ACCEPTED, ""),
        ("migrate", {"handle": STARTED}, State.WAITING, "migrate"),
        ("migrate", {"driver": "console"}, State.WAITING, "migrate"),
        ("migrate", {"hop": 1}, State.ACCEPTED, ""),
        ("migrate", {"hop": 1, "handle": STARTED}, State.WAITING, "migrate"),
        ("validate", {"handle": STARTED}, State.WAITING, "validate"),
        ("snapshot", {"handle": STARTED, "resumes": "migrate"}, State.WAITING, "migrate"),
        ("snapshot", {"handle": STARTED, "resumes": "validate"}, State.WAITING, "validate"),
    ],
)
def test_a_retry_goes_back_to_where_it_is_safe(stage: str, changes: dict[str, object], to: State, resumes: str) -> None:
    """New snapshots are made while no job of this hop can have run. They are not made after a job, or if only the admission
    failed.
    """
    taken = acts.retry_migration(at(State.FAILED, stage, **changes), "ann", NOW)
    after = taken.after
    assert (after.state, after.attempt, after.failure, after.retried, after.resumes) == (to, 2, None, True, resumes)
    assert taken.events[0].data.get("stage", "") == ("precheck" if to is State.ACCEPTED else "")
    assert CountOutcome("retried") in taken.effects


@pytest.mark.parametrize("driver", ["smc", "console"])
@pytest.mark.parametrize(("hop", "handle"), [(0, DriverData()), (0, STARTED), (1, DriverData())])
def test_a_retry_that_waits_can_be_taken_back_one_way_or_the_other(driver: str, hop: int, handle: DriverData) -> None:
    waits = at(State.WAITING, driver=driver, hop=hop, handle=handle, resumes="migrate", attempt=2)
    possible = []
    for act in (acts.cancel_migration, acts.roll_back_migration):
        try:
            possible.append(act(waits, "ann", NOW).after.state)
        except Refused:
            continue
    assert possible == [State.CANCELLED if (hop, handle) == (0, DriverData()) else State.ROLLING_BACK]


def test_an_admission_that_failed_after_a_job_can_be_rolled_back_and_not_cancelled() -> None:
    failed = at(State.FAILED, "snapshot", handle=STARTED, resumes="migrate")
    assert acts.roll_back_migration(failed, "ann", NOW).after.state is State.ROLLING_BACK
    with pytest.raises(Refused):
        acts.cancel_migration(failed, "ann", NOW)


@pytest.mark.parametrize(
    "migration",
    [at(State.MIGRATED, handle=STARTED), at(State.FAILED, "validate", handle=STARTED), at(State.WAITING, handle=STARTED)],
)
def test_what_is_rolled_back_counts_as_failed_before_its_slot_is_free(migration: Migration) -> None:
    """Whatever the state was before, a person decided to roll back."""
    assert acts.roll_back_migration(migration, "ann", NOW).effects[:2] == (CountOutcome("failed"), ReleaseSlot())


def test_a_failed_rollback_is_retried_as_a_rollback() -> None:
    taken = acts.retry_migration(at(State.FAILED, "rollback", handle=STARTED), "ann", NOW)
    assert (taken.after.state, taken.after.rollback_phase, taken.events[0].type) == (
        State.ROLLING_BACK,
        "stopping",
        events.ROLLBACK_REQUESTED,
    )


def test_what_has_not_failed_cannot_be_retried() -> None:
    with pytest.raises(Refused):
        acts.retry_migration(at(State.MIGRATED), "ann", NOW)


@pytest.mark.parametrize("state", [State.ACCEPTED, State.PRECHECKING, State.READY, State.SNAPSHOTTING, State.SNAPSHOTTED])
def test_a_migration_can_be_cancelled_until_its_job_starts(state: State) -> None:
    taken = acts.cancel_migration(at(state), "ann", NOW)
    begun = state in (State.SNAPSHOTTING, State.SNAPSHOTTED)
    assert taken.after.state is State.CANCELLED
    assert kinds(taken) == {ReleaseSlot, CleanUpDriver, ReleaseLock, *([RestoreProtection] if begun else [])}


def test_a_second_try_that_is_cancelled_puts_the_protection_back() -> None:
    assert RestoreProtection in kinds(acts.cancel_migration(at(State.READY, attempt=2), "ann", NOW))


@pytest.mark.parametrize(
    "migration",
    [
        at(State.MIGRATING),
        at(State.RESTARTING),
        at(State.FAILED, "migrate", handle=STARTED),
        at(State.READY, hop=1),
        at(State.SNAPSHOTTED, attempt=2, handle=STARTED),
        at(State.FAILED, "migrate", driver="console"),
    ],
)
def test_once_something_may_have_changed_it_is_too_late_to_cancel(migration: Migration) -> None:
    with pytest.raises(Refused) as caught:
        acts.cancel_migration(migration, "ann", NOW)
    assert caught.value.code == "Migration.TooLate"


def test_a_rollback_frees_the_slot_and_removes_the_job_first() -> None:
    taken = acts.roll_back_migration(at(State.MIGRATED), "ann", NOW)
    assert taken.after.state is State.ROLLING_BACK
    assert kinds(taken) == {CountOutcome, ReleaseSlot, CleanUpDriver}


def test_a_rollback_after_a_job_enters_what_the_job_made() -> None:
    taken = acts.roll_back_migration(at(State.MIGRATED, handle=STARTED), "ann", NOW)
    assert [type(effect) for effect in taken.effects] == [CountOutcome, ReleaseSlot, CleanUpDriver, AdoptSnapshots]


@pytest.mark.parametrize("migration", [at(State.FAILED, "precheck"), at(State.MIGRATED, snapshots_made=0), at(State.MIGRATING)])
def test_without_snapshots_or_in_flight_there_is_no_rollback(migration: Migration) -> None:
    with pytest.raises(Refused):
        acts.roll_back_migration(migration, "ann", NOW)


def test_after_the_first_hop_even_a_precheck_failure_can_be_rolled_back() -> None:
    assert acts.roll_back_migration(at(State.FAILED, "precheck", hop=1), "ann", NOW).after.state is State.ROLLING_BACK


@pytest.mark.parametrize("driver", ["smc", "console"])
@pytest.mark.parametrize(("hop", "handle"), [(0, STARTED), (1, DriverData())])
def test_what_waits_for_a_further_job_can_go_back_because_it_cannot_be_cancelled(driver: str, hop: int, handle: DriverData) -> None:
    waits = at(State.SNAPSHOTTED, driver=driver, attempt=2, hop=hop, handle=handle)
    assert acts.roll_back_migration(waits, "ann", NOW).after.state is State.ROLLING_BACK
    with pytest.raises(Refused):
        acts.cancel_migration(waits, "ann", NOW)


def test_what_waits_for_its_first_job_is_cancelled_and_not_rolled_back() -> None:
    with pytest.raises(Refused):
        acts.roll_back_migration(at(State.SNAPSHOTTED, driver="console"), "ann", NOW)


def test_what_failed_before_its_job_started_is_made_anew_or_cancelled() -> None:
    failed = at(State.FAILED, "migrate")
    assert acts.retry_migration(failed, "ann", NOW).after.state is State.ACCEPTED
    assert acts.cancel_migration(failed, "ann", NOW).after.state is State.CANCELLED
    with pytest.raises(Refused):
        acts.roll_back_migration(failed, "ann", NOW)
