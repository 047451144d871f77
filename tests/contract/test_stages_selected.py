"""Only selected instances are probed, snapshotted or moved, however their migration was created."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain import acts, events, record
from shared.domain.batch import RISKS_VERSION, Batch, BatchState, Selection
from shared.domain.chosen import CLOCKS_DIFFER, selection_digest
from shared.domain.message import Message, Outcome
from shared.domain.migration import Migration, State, first_journal_entry
from shared.domain.policy import Policy
from shared.ports.ports import Ports
from shared.stages import choosing, intake, migrate, precheck, snapshot
from tests.support.fakes import FakeBus
from tests.support.fleets import fleet, instance
from tests.support.ports import T0, Bench, bench, migration

NAMED = Selection(("cn-hangzhou",), ("i-test0001",))
OF_RELEASE = Selection(("cn-hangzhou",), releases=("centos-7",))
STAGES = {State.ACCEPTED: precheck, State.READY: snapshot, State.SNAPSHOTTED: migrate}
TOUCHING = {"RunCommand", "CreateSnapshot", "CreateReplicationJob", "CreateAccessToken"}


def stand(ports: Ports, batch: Batch, number: int, state: State, **more: Any) -> Migration:
    """A migration in its batch. The batch is acknowledged at T0."""
    made = migration(number, state=state, **more)
    given = acts.acknowledge_batch(batch, "ann", RISKS_VERSION, T0)
    ports.batches.create(given)
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    ports.admission.acquire_instance_lock(made.region_id, made.instance_id, made.migration_id)
    return made


def run(one: Bench, made: Migration) -> tuple[Outcome, set[str]]:
    """Run the stage of the migration's state. Returns what it did to the instance."""
    ports = replace(one.ports, bus=FakeBus())
    found: list[Outcome] = []
    message = Message(events.STEP_DUE, "e", "replank", {"migrationId": made.migration_id})
    calls = one.calls(lambda: found.append(STAGES[made.state].handle_message(message, ports)))
    return found[0], set(calls) & TOUCHING


def batch_of(selection: Selection) -> Batch:
    return Batch("b0000000000000001", BatchState.OPEN, 1, T0, "api", "ann", selection, Policy())


@pytest.mark.parametrize("state", STAGES)
@pytest.mark.parametrize(
    ("selection", "number", "more", "why"),
    [
        (NAMED, 2, {}, "names other instances"),
        (replace(OF_RELEASE, releases=("rhel-7",)), 1, {}, "does not name CentOS 7"),
        (replace(NAMED, regions=("cn-beijing",)), 1, {}, "does not name region"),
        (Selection(("cn-hangzhou",)), 1, {}, "names no instance"),
    ],
)
def test_a_migration_outside_the_selection_is_refused_by_every_stage(
    state: State, selection: Selection, number: int, more: dict[str, Any], why: str
) -> None:
    with bench("migrate") as one:
        one.world.load_fleet(fleet(instance(1), instance(2)))
        made = stand(one.ports, batch_of(selection), number, state, **more)
        outcome, touched = run(one, made)
        assert (outcome.facts["code"], touched) == ("Batch.NotSelected", set())
        failure = one.ports.migrations.load(made.migration_id).failure
        assert failure is not None
        assert why in failure.message


@pytest.mark.parametrize("state", [State.READY, State.SNAPSHOTTED])
@pytest.mark.parametrize("selection", [NAMED, OF_RELEASE])
def test_a_migration_added_after_the_acknowledgement_is_neither_snapshotted_nor_moved(state: State, selection: Selection) -> None:
    with bench("migrate") as one:
        one.world.load_fleet(fleet(instance(1)))
        late = T0 + CLOCKS_DIFFER + timedelta(seconds=1)
        made = stand(one.ports, batch_of(selection), 1, state, created_at=late)
        outcome, touched = run(one, made)
        assert (outcome.facts["code"], touched) == ("Batch.NotSelected", set())


@pytest.mark.parametrize("state", [State.READY, State.SNAPSHOTTED])
def test_a_selection_that_changed_since_is_not_the_one_acknowledged(state: State) -> None:
    with bench("migrate") as one:
        one.world.load_fleet(fleet(instance(1), instance(2)))
        made = stand(one.ports, batch_of(NAMED), 2, state)
        before = one.ports.batches.load(made.batch_id)
        wider = replace(NAMED, instance_ids=("i-test0001", "i-test0002"))
        one.ports.batches.commit(before, replace(before, selection=wider, version=before.version + 1))
        outcome, touched = run(one, made)
        assert (outcome.facts["code"], touched) == ("Batch.NotSelected", set())


@pytest.mark.parametrize("selection", [NAMED, OF_RELEASE, replace(OF_RELEASE, instance_ids=("i-test0001",))])
@pytest.mark.parametrize("digest", [True, False])
def test_what_was_acknowledged_goes_on_whatever_version_recorded_it(selection: Selection, digest: bool) -> None:
    """An older version recorded no digest, and the clock of the function that wrote the row may be ahead."""
    with bench("migrate") as one:
        one.world.load_fleet(fleet(instance(1)))
        made = stand(one.ports, batch_of(selection), 1, State.READY, created_at=T0 + CLOCKS_DIFFER)
        before = one.ports.batches.load(made.batch_id)
        assert before.acknowledgement is not None
        if not digest:
            old = replace(before.acknowledgement, selection="")
            one.ports.batches.commit(before, replace(before, acknowledgement=old, version=before.version + 1))
        outcome, _ = run(one, made)
        assert (outcome.result, outcome.facts.get("code")) == ("waiting", None)


def test_an_intake_that_takes_one_more_has_it_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench("precheck") as one:
        one.world.load_fleet(fleet(instance(1), instance(2)))
        ports = replace(one.ports, bus=FakeBus())
        batch = replace(batch_of(OF_RELEASE), state=BatchState.PLANNING, selection=replace(OF_RELEASE, releases=("rhel-7",)))
        ports.batches.create(batch)
        monkeypatch.setattr(choosing.InstanceChoice, "_choose_or_leave_out_instance", lambda *_: True)
        intake.handle_message(Message(events.BATCH_SUBMITTED, "e", "replank", {"batchId": batch.batch_id}), ports)
        (first, *_) = ports.migrations.migration_page_of_batch(batch.batch_id, state=None, limit=10, token="").migrations
        outcome, touched = run(one, first)
        assert (outcome.facts["code"], touched) == ("Batch.NotSelected", set())


def test_a_version_that_knows_more_of_a_selection_finds_the_same_digest() -> None:
    """While two versions run, one records the digest and the other compares it. The simulation of a deployment found this."""

    @record.dataclass(frozen=True)
    class Newer(Selection):
        added: str = "set"

    old = Selection(("cn-hangzhou",), ("i-test0001", "i-test0002"), ("centos-7",))
    assert selection_digest(Newer(old.regions, old.instance_ids, old.releases)) == selection_digest(old)
    assert selection_digest(replace(old, instance_ids=("i-test0002", "i-test0001"))) == selection_digest(old)
    others = (replace(old, instance_ids=("i-test0001",)), replace(old, regions=("cn-beijing",)), replace(old, releases=()))
    assert all(selection_digest(other) != selection_digest(old) for other in others)


@pytest.mark.parametrize(("passed_at", "counts"), [(0, False), (3, True)])
def test_a_refusal_counts_as_a_failure_if_the_precheck_had_passed_before(passed_at: int, counts: bool) -> None:
    """Something has changed since then, right before the snapshots. Before, the batch's budget did not count such a refusal."""
    with bench("precheck") as one:
        one.world.load_fleet(fleet(instance(2)))
        more = {"prechecked_version": passed_at, "version": 5, "entered_version": 5}
        made = stand(one.ports, batch_of(NAMED), 1, State.ACCEPTED, **more)
        run(one, made)
        assert one.ports.migrations.load(made.migration_id).state is State.PRECHECK_FAILED
        assert (made.migration_id in one.ports.batches.load_tally(made.batch_id).failed) is counts
