"""Effects in an outbox when somebody acts before they are carried out: outdated effects do no harm, and no stage wakes itself
for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from shared.domain import events
from shared.domain.batch import Batch, BatchState, Selection
from shared.domain.caller import Caller
from shared.domain.effects import CleanUpDriver, CountOutcome, Effect, LaunchDriver, ReleaseLock, ReleaseSlot, ScheduleSweep
from shared.domain.errors import Permanent, ReplankError, Transient
from shared.domain.ledger import SMC_PREFIX, LedgerEntry, SnapshotState
from shared.domain.message import Message, Outcome
from shared.domain.migration import DriverData, Failure, Migration, State, first_journal_entry, step_to_state
from shared.domain.policy import Policy
from shared.ports.compute import Compute, Snapshot
from shared.ports.driver import Driver, UnfinishedJob
from shared.ports.ports import Ports
from shared.stages import rollback, snapshot, watch
from shared.stages.advance import advance_migration, run_stage_or_fail_migration, settle_outboxes
from shared.stages.api import migrations as acts
from shared.stages.effects import perform_effect
from tests.support.fakes import FakeBus
from tests.support.ports import T0, Bench, bench, migration

_numbers = iter(range(1, 10_000))


@dataclass
class Unwilling:
    """A driver that refuses as the test tells it."""

    refusal: ReplankError | None = None
    launched: list[str] = field(default_factory=list)

    def launch_job(self, migration: Migration) -> None:
        self.launched.append(migration.migration_id)
        self._refuse()

    def source_servers(self, *_: Any) -> tuple[str, ...]:
        return ()

    def unfinished_jobs(self, *_: Any) -> tuple[UnfinishedJob, ...]:
        return ()

    def clean_up_hop(self, *_: Any, **__: Any) -> None:
        self._refuse()

    def _refuse(self) -> None:
        if self.refusal:
            raise self.refusal


@pytest.fixture(scope="module")
def one() -> Iterator[Bench]:
    with bench() as made:
        selection = Selection(("cn-hangzhou",))
        policy = Policy(max_moving=5, failure_budget=9)
        made.ports.batches.create(Batch("b0000000000000001", BatchState.OPEN, 1, T0, "api", "ann", selection, policy))
        yield made


@pytest.fixture
def driver() -> Unwilling:
    return Unwilling()


@pytest.fixture
def ports(one: Bench, driver: Unwilling) -> Ports:
    return replace(one.ports, drivers={"smc": cast(Driver, driver)}, bus=FakeBus())


def stand(ports: Ports, state: State, **more: Any) -> Migration:
    made = migration(next(_numbers), state=state, snapshots_made=1, prechecked_at=T0, **more)
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return made


def fail(ports: Ports, made: Migration, to: State, *effects: Effect) -> None:
    """A step to a failure, whose function dies before its effects."""
    taken = step_to_state(made, to, now=T0, by="watch", reason="x", failure=Failure("migrate", "X.Y", "m", "r"))
    ports.migrations.commit(replace(taken, effects=effects))


def published(ports: Ports) -> list[str]:
    return cast(FakeBus, ports.bus).types


def test_a_retry_waits_for_a_slot_of_its_own_whatever_the_failure_still_owes(ports: Ports) -> None:
    made = stand(ports, State.MIGRATING, handle=DriverData(job_id="j-1"))
    assert ports.admission.take_slot(ports.admission.slot_use(made.batch_id, made.migration_id), made.migration_id, made.batch_id)
    fail(ports, made, State.FAILED, ReleaseSlot(), CountOutcome("failed"))
    acts.retry_migration(
        replace(ports, drivers={}), made.migration_id, Caller("ann"), ports.migrations.load(made.migration_id).version
    )
    again = ports.migrations.load(made.migration_id)
    assert settle_outboxes(ports, again)
    assert made.migration_id not in ports.admission.repair_counts_and_list_slot_holders()
    seen = ports.admission.slot_use(again.batch_id, again.migration_id)
    assert ports.admission.take_slot(seen, again.migration_id, again.batch_id, again.attempt)
    perform_effect(ReleaseSlot(), again, ports)  # again, late
    assert made.migration_id in ports.admission.repair_counts_and_list_slot_holders()
    assert made.migration_id not in ports.batches.load_tally(made.batch_id).failed


def test_an_outbox_newer_than_the_row_as_it_was_read_stays(ports: Ports) -> None:
    """A tick read a cancelled migration, then a person confirmed it. The tick carried out the confirmation's effects on its
    old copy of the row (seed 87513951). In that copy nothing was released, so the snapshots were never swept.
    """
    made = stand(ports, State.CANCELLED)
    held = LedgerEntry(made.migration_id, "0-1-d-1", "cn-hangzhou", "i-1", "d-1", 0, "replank", SnapshotState.ACCOMPLISHED, T0)
    ports.ledger.write_entry(held)
    taken = step_to_state(made, State.CANCELLED, now=T0, by="ann", reason="confirmed", released_at=T0)
    ports.migrations.commit(replace(taken, effects=(ScheduleSweep(1),)))
    assert not settle_outboxes(ports, made)
    assert settle_outboxes(ports, ports.migrations.load(made.migration_id))
    assert ports.ledger.entries_of_migration(made.migration_id)[0].sweep_at == T0 + timedelta(days=1)


def test_a_retry_keeps_its_lock_whatever_the_refusal_still_owes(ports: Ports) -> None:
    made = stand(ports, State.PRECHECKING)
    ports.admission.acquire_instance_lock(made.region_id, made.instance_id, made.migration_id)
    fail(ports, made, State.PRECHECK_FAILED, ReleaseLock(made.region_id, made.instance_id))
    acts.retry_migration(
        replace(ports, drivers={}), made.migration_id, Caller("ann"), ports.migrations.load(made.migration_id).version
    )
    assert settle_outboxes(ports, ports.migrations.load(made.migration_id))
    assert ports.admission.instance_lock_holder(made.region_id, made.instance_id) == made.migration_id


def test_a_retry_keeps_what_it_has_in_smc_whatever_the_refusal_still_owes(ports: Ports, driver: Unwilling) -> None:
    driver.refusal = Permanent("Driver.Asked", "The clean-up would take the retry's own job.", "")
    made = stand(ports, State.PRECHECKING, handle=DriverData(token_id="at-1"))
    fail(ports, made, State.PRECHECK_FAILED, CleanUpDriver(made.handle))
    acts.retry_migration(
        replace(ports, drivers={}), made.migration_id, Caller("ann"), ports.migrations.load(made.migration_id).version
    )
    assert settle_outboxes(ports, ports.migrations.load(made.migration_id))


def test_a_job_that_could_not_be_started_is_never_started_after_the_migration_failed(ports: Ports, driver: Unwilling) -> None:
    made = stand(ports, State.SNAPSHOTTED)
    driver.refusal = Permanent("NoPermission", "smc:StartReplicationJob", "Give it.")

    def body(found: Migration, ports: Ports) -> Outcome:
        taken = step_to_state(found, State.MIGRATING, now=T0, by="migrate", reason="job", handle=DriverData(job_id="j-2"))
        advance_migration(ports, replace(taken, effects=(LaunchDriver(),)))
        return Outcome("done")

    message = Message(events.STEP_DUE, "e", "replank", {"migrationId": made.migration_id})
    run_stage_or_fail_migration(message, ports, frozenset({State.SNAPSHOTTED}), ("migrate", events.START_FAILED), body)
    failed = ports.migrations.load(made.migration_id)
    assert (failed.state, driver.launched) == (State.FAILED, [made.migration_id])
    driver.refusal = None
    assert settle_outboxes(ports, failed)
    assert driver.launched == [made.migration_id]
    assert ports.migrations.load(made.migration_id).owes == ()


def test_a_launch_owed_for_a_job_that_is_gone_is_a_failure(one: Bench, ports: Ports) -> None:
    """The tick could not carry the launch out, and checked nothing else of that migration. So nobody was ever told."""
    made = stand(ports, State.SNAPSHOTTED)
    an_hour_ago = ports.clock.now() - timedelta(hours=1)
    taken = step_to_state(made, State.MIGRATING, now=an_hour_ago, by="migrate", reason="job", handle=DriverData(job_id="j-gone"))
    ports.migrations.commit(replace(taken, effects=(LaunchDriver(),)))
    for minute in range(30):  # the guest is first asked what the job has left
        watch.handle_message(Message("timer", f"t{minute}", "timer", {}), replace(ports, drivers=one.ports.drivers))
        one.world.run(1)
    failed = ports.migrations.load(made.migration_id)
    assert (failed.state, failed.failure and failed.failure.code) == (State.FAILED, "Job.Gone")


@pytest.mark.parametrize("act", [acts.confirm_migration, acts.roll_back_migration])
def test_what_smc_copied_after_the_failure_is_entered_once_the_job_is_removed(
    ports: Ports, driver: Unwilling, act: Callable[..., Any]
) -> None:
    """The start took effect, but answered with an error, and its repetition was refused. So the job ran on after the failure."""

    class Copied:
        def snapshots_of_instance(self, *_: Any) -> list[Snapshot]:
            return copies

    copies: list[Snapshot] = []
    made = stand(ports, State.MIGRATING, handle=DriverData(job_id="j-5", started_at=T0))
    fail(ports, made, State.FAILED)
    driver.refusal = Transient("ReplicationJob.InvalidStatus", "The job runs.")
    ports = replace(ports, compute=cast(Compute, Copied()))
    act(replace(ports, drivers={}), made.migration_id, Caller("ann"), ports.migrations.load(made.migration_id).version)
    assert not settle_outboxes(ports, ports.migrations.load(made.migration_id))
    copies.append(Snapshot("s-5", f"{SMC_PREFIX}d-1", "d-1", "accomplished", 100, T0, 40))
    driver.refusal = None
    assert settle_outboxes(ports, ports.migrations.load(made.migration_id))
    entry = ports.ledger.entries_of_migration(made.migration_id)[0]
    assert (entry.snapshot_id, entry.owner, entry.sweep_at) == ("s-5", "other", None), "nobody knows whether that job had copied"
    assert entry.kept


def test_a_rollback_that_waits_for_the_job_does_not_wake_itself(ports: Ports, driver: Unwilling) -> None:
    made = stand(ports, State.MIGRATED, handle=DriverData(job_id="j-3"))
    driver.refusal = Transient("ReplicationJob.InvalidStatus", "The job runs.")
    acts.roll_back_migration(
        replace(ports, drivers={}), made.migration_id, Caller("ann"), ports.migrations.load(made.migration_id).version
    )
    assert published(ports) == ["RollbackRequested"]
    asked = Message(events.ROLLBACK_REQUESTED, "e", "replank", {"migrationId": made.migration_id})
    for _ in range(3):
        assert rollback.handle_message(asked, ports).result == "waiting"
    assert published(ports) == ["RollbackRequested"]


def test_a_bus_that_refuses_is_no_failure_of_the_migration(ports: Ports) -> None:
    class Refusing(FakeBus):
        def publish(self, events: Any) -> None:
            raise Permanent("AccessDenied", "eventbridge:PutEvents", "Give it.")

    made = stand(ports, State.SNAPSHOTTED)
    taken = step_to_state(made, State.MIGRATING, now=T0, by="migrate", reason="job")
    told = events.migration_event(taken.after, events.MIGRATION_STARTED)
    advance_migration(replace(ports, bus=Refusing()), replace(taken, events=(told,)))
    found = ports.migrations.load(made.migration_id)
    assert (found.state, found.owes) == (State.MIGRATING, (2,))
    assert settle_outboxes(ports, found)  # by the tick, once the bus answers


def test_a_snapshot_asked_for_late_is_not_missed_at_once(ports: Ports) -> None:
    class Slow:
        def create_snapshot(self, *_: Any, **__: Any) -> str:
            return "s-late"

        def snapshots_by_id(self, *_: Any) -> dict[str, Any]:
            return {}  # the listings lag behind

    made = stand(ports, State.SNAPSHOTTING, disks=("d-1",), due_at=T0, entered_at=ports.clock.now())
    an_hour_ago = ports.clock.now() - timedelta(hours=1)
    entry = LedgerEntry(
        made.migration_id,
        "0-1-d-1",
        made.region_id,
        made.instance_id,
        "d-1",
        0,
        "replank",
        SnapshotState.INTENDED,
        an_hour_ago,
    )
    ports.ledger.write_new_entry(entry)  # the disk was busy with another snapshot since then
    due = Message(events.STEP_DUE, "e", "replank", {"migrationId": made.migration_id})
    assert snapshot.handle_message(due, replace(ports, compute=cast(Compute, Slow()))).result == "waiting"
    assert [each.state for each in ports.ledger.entries_of_migration(made.migration_id)] == [SnapshotState.CREATING]


def test_a_clean_up_that_never_succeeds_does_not_hold_up_the_next_hop(one: Bench, ports: Ports, driver: Unwilling) -> None:
    made = stand(ports, State.VALIDATING, hops=migration().hops * 2, handle=DriverData(job_id="j-4"))
    ports.migrations.remove_outbox(made, 1)
    driver.refusal = Permanent("SourceServer.Odd", "It cannot be deleted.", "Look it up.")
    taken = step_to_state(made, State.ACCEPTED, now=one.now, by="validate", reason="next hop", hop=1, due_at=one.now)
    advance_migration(ports, replace(taken, effects=(CleanUpDriver(made.handle),)))
    accepted = ports.migrations.load(made.migration_id)
    assert accepted.owes == (2,)
    advance_migration(
        ports, step_to_state(accepted, State.PRECHECKING, now=one.now, by="precheck", reason="probe sent", due_at=one.now)
    )
    one.world.run(5)
    watch.handle_message(Message("timer", "t", "timer", {}), ports)
    due = [event.data["stage"] for event in cast(FakeBus, ports.bus).published if event.data["migrationId"] == made.migration_id]
    assert due == ["precheck"]
