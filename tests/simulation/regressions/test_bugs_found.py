"""Bugs that the simulation found, each in the smallest test that shows the bug."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters.drivers.smc import _job_report_of_import
from shared.domain import events
from shared.domain.batch import Batch, BatchState, Selection
from shared.domain.effects import CleanUpDriver, CountOutcome
from shared.domain.errors import Permanent, Stale
from shared.domain.message import Message, Outcome
from shared.domain.migration import DriverData, Migration, State, first_journal_entry, step_to_state
from shared.domain.policy import Policy
from shared.domain.timing import PREPARE_LIMIT
from shared.ports.driver import JobPhase, JobReport
from shared.ports.guest import CommandResult
from shared.ports.ports import Ports
from shared.stages import precheck
from shared.stages.advance import advance_migration, run_stage_or_fail_migration
from shared.stages.effects import perform_effect
from shared.stages.migrate import _wait_for_driver
from tests.support.drivers import identity_of
from tests.support.fleets import fleet, instance
from tests.support.ports import T0, Bench, bench, migration


@pytest.fixture(scope="module")
def one() -> Iterator[Bench]:
    with bench("migrate") as made:
        made.world.load_fleet(fleet(instance(3)))
        yield made


def stand(ports: Ports, number: int, state: State) -> Migration:
    made = migration(number, state=state)
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return made


@pytest.mark.parametrize(("number", "state"), [(1, State.READY), (2, State.ACCEPTED)])
def test_what_a_stage_takes_for_a_step_that_comes_too_late_goes_back(one: Bench, number: int, state: State) -> None:
    """A cancellation came between the slot (or the lock) and the step. The cancellation's own release ran before there was
    anything to release.
    """
    ports, made = one.ports, stand(one.ports, number, state)

    def overtaken(found: Migration, ports: Ports) -> Outcome:
        ports.migrations.commit(step_to_state(found, State.CANCELLED, now=T0, by="ann", reason="cancelled"))
        assert ports.admission.take_slot(
            ports.admission.slot_use(found.batch_id, found.migration_id), found.migration_id, found.batch_id
        )
        ports.admission.acquire_instance_lock(found.region_id, found.instance_id, found.migration_id)
        advance_migration(ports, step_to_state(found, State.FAILED, now=T0, by="snapshot", reason="admitted"))
        return Outcome("done")

    message = Message(events.STEP_DUE, "e", "replank", {"migrationId": made.migration_id})
    with pytest.raises(Stale):
        run_stage_or_fail_migration(message, ports, frozenset({state}), ("snapshot", events.SNAPSHOT_FAILED), overtaken)
    assert made.migration_id not in ports.admission.repair_counts_and_list_slot_holders()
    assert ports.admission.instance_lock_holder(made.region_id, made.instance_id) == ""


def test_a_lock_taken_after_the_precheck_has_refused_goes_back(one: Bench) -> None:
    """With two deliveries at once, the slower one locked the instance again after the other had refused it and released the
    lock.
    """
    ports, made = one.ports, stand(one.ports, 8, State.ACCEPTED)

    def overtaken(found: Migration, ports: Ports) -> Outcome:
        ports.migrations.commit(step_to_state(found, State.PRECHECK_FAILED, now=T0, by="precheck", reason="Some.Rule"))
        ports.admission.acquire_instance_lock(found.region_id, found.instance_id, found.migration_id, found.attempt)
        advance_migration(ports, step_to_state(found, State.PRECHECKING, now=T0, by="precheck", reason="probe sent"))
        return Outcome("done")

    message = Message(events.MIGRATION_REQUESTED, "e", "replank", {"migrationId": made.migration_id})
    with pytest.raises(Stale):
        run_stage_or_fail_migration(message, ports, precheck.STATES, ("precheck", events.PRECHECK_FAILED), overtaken)
    assert ports.admission.instance_lock_holder(made.region_id, made.instance_id) == ""
    # Without a lock nothing is deleted, because not every stage's role may delete locks.
    with pytest.raises(Stale):
        assert "DeleteRow" not in one.calls(
            lambda: run_stage_or_fail_migration(message, ports, precheck.STATES, ("", ""), overtaken)
        )


def test_the_lock_of_an_ended_migration_is_taken_over_by_what_the_precheck_may_do(one: Bench) -> None:
    """The precheck's role may not read rows in bulk, but the code did. So the instance could not be migrated any more."""
    one.world.load_fleet(fleet(instance(9)))
    ports = replace(one.ports, drivers={})
    named = Selection(("cn-hangzhou",), ("i-test0009",))
    ports.batches.create(Batch("b0000000000000001", BatchState.OPEN, 1, T0, "api", "ann", named, Policy()))
    stand(ports, 10, State.CANCELLED)
    ports.admission.acquire_instance_lock("cn-hangzhou", "i-test0009", f"m{10:016x}")
    made = stand(ports, 9, State.ACCEPTED)
    message = Message(events.MIGRATION_REQUESTED, "e", "replank", {"migrationId": made.migration_id})
    assert "BatchGetRow" not in one.calls(lambda: precheck.handle_message(message, ports))
    assert ports.admission.instance_lock_holder("cn-hangzhou", "i-test0009") == made.migration_id


def test_a_new_step_that_is_settled_does_not_hide_what_an_older_one_still_owes(one: Bench) -> None:
    """The row had left the tick's lane, so its older outbox was never settled."""
    rows = one.ports.migrations
    made = stand(one.ports, 4, State.PRECHECKING)
    rows.commit(replace(step_to_state(made, State.READY, now=T0, by="precheck", reason="x"), effects=(CountOutcome("moved"),)))
    owing = rows.load(made.migration_id)
    failed = replace(step_to_state(owing, State.FAILED, now=T0, by="snapshot", reason="x"), effects=(CountOutcome("failed"),))
    rows.commit(failed)
    rows.remove_outbox(failed.after, failed.after.version)
    assert made.migration_id in [each.migration_id for each in rows.list_due_and_postpone_unreadable(T0 + timedelta(hours=1), 200)]


def test_an_import_that_never_ran_is_begun_again() -> None:
    """The result of such an import never changes, so the product waited for ever."""
    handle = DriverData(token_id="at-1", import_invocation_id="t-1")
    report = _job_report_of_import(handle, CommandResult("Aborted", -1, b"", 0, "ClientNotRunning: the agent does not run"))
    assert report.phase is JobPhase.PREPARING
    assert report.handle.import_invocation_id == ""


def test_what_lost_calls_made_is_removed_by_its_name_and_its_address(one: Bench) -> None:
    """The step of one call was lost after it had made a code, and the step of an import after it had made a source. So
    neither is in the handle.
    """
    smc = one.ports.drivers["smc"]
    created_at = one.now.replace(microsecond=0)
    made = migration(3, state=State.SNAPSHOTTED, entered_at=one.now, created_at=created_at, snapshots_made=1)
    who = identity_of(one, made)
    smc.prepare_job(made, who)
    one.world.run(2)
    assert one.world.inventory()["sources"]
    smc.clean_up_hop(replace(made, attempt=2), DriverData(job_id="j-gone"))
    held = one.world.inventory()
    assert not held["sources"]
    assert not held["access_tokens"]


def test_the_clean_up_of_a_hop_leaves_alone_what_the_next_one_uses(one: Bench) -> None:
    """The clean-up of the first hop ran late. It removed the code, the source and the job of the next hop."""
    one.world.load_fleet(fleet(instance(7)))
    smc, two_hops = one.ports.drivers["smc"], migration().hops * 2
    made = migration(7, state=State.SNAPSHOTTED, hops=two_hops, hop=1, entered_at=one.now, created_at=one.now, snapshots_made=1)
    who = identity_of(one, made)
    for _ in range(4):
        made = replace(made, handle=smc.prepare_job(made, who).handle)
        one.world.run(1)
    held = one.world.inventory()
    assert [len(held[what]) for what in ("jobs", "sources", "access_tokens")] == [1, 1, 1]
    first = DriverData(token_id="at-gone", source_id=made.handle.source_id)
    perform_effect(CleanUpDriver(first, 0), made, one.ports)
    assert one.world.inventory() == held
    perform_effect(CleanUpDriver(made.handle, 1), replace(made, state=State.MIGRATED), one.ports)


def test_a_retry_refused_by_the_precheck_removes_what_the_first_attempt_left_in_smc(one: Bench) -> None:
    """The instance was released before the retry, so nothing else would ever have removed the token."""
    ports = replace(one.ports, drivers={})  # as in the precheck function: the tick carries the effect out
    ports.batches.create(Batch("b0000000000000001", BatchState.OPEN, 1, T0, "api", "ann", Selection(("cn-hangzhou",)), Policy()))
    made = migration(5, state=State.ACCEPTED, attempt=2, prechecked_at=T0, snapshots_made=1, handle=DriverData(token_id="at-1"))
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    precheck.handle_message(Message(events.RETRY_REQUESTED, "e", "replank", {"migrationId": made.migration_id}), ports)
    assert ports.migrations.load(made.migration_id).state is State.PRECHECK_FAILED
    owed = [effect for outbox in ports.migrations.outboxes(made.migration_id) for effect in outbox.effects]
    assert CleanUpDriver(made.handle, 0) in owed


def test_a_retry_does_not_wait_for_ever_for_an_instance_that_does_not_come_back(one: Bench) -> None:
    """The agent stayed silent after the failed job. The retry waited for the agent before it began anything, and without a
    limit.
    """
    for waited, gives_up in ((PREPARE_LIMIT / 2, False), (PREPARE_LIMIT * 2, True)):
        for driver in ("smc", "console"):
            made = migration(6, driver=driver, state=State.SNAPSHOTTED, attempt=2, entered_at=one.ports.clock.now() - waited)
            said = JobReport(JobPhase.PREPARING, made.handle, remedy="the agent is not back")
            with pytest.raises(Permanent) if gives_up else nullcontext():
                assert _wait_for_driver(made, said, one.ports).result == "waiting"


def test_a_person_in_the_console_may_take_any_time_once_the_instance_is_there(one: Bench) -> None:
    """The time limit of a retry ends when it becomes the person's turn."""
    long_ago = one.ports.clock.now() - PREPARE_LIMIT * 24
    handle = DriverData(began_at=long_ago)
    made = migration(6, driver="console", state=State.SNAPSHOTTED, attempt=2, entered_at=long_ago, handle=handle)
    assert _wait_for_driver(made, JobReport(JobPhase.PREPARING, made.handle), one.ports).result == "waiting"
