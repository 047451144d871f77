"""A member account that refuses: its waiting migrations keep their place, release their slot, and hold up nobody else."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain import events
from shared.domain.accounts import MemberAccount, account_not_configured_error, permission_missing_error, role_refused_error
from shared.domain.batch import Acknowledgement, Batch, BatchState, Selection
from shared.domain.effects import AdoptSnapshots
from shared.domain.errors import ReplankError
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.message import Message
from shared.domain.migration import DriverData, Migration, State, first_journal_entry, step_to_state
from shared.domain.policy import Policy
from shared.ports.compute import FoundInstance, InstancePage
from shared.ports.ports import AccountPorts
from shared.stages import intake, migrate, offers, precheck, snapshot, sweep, watch
from shared.stages.accounts import recheck_blocked_accounts
from shared.stages.advance import advance_migration, settle_outboxes
from shared.stages.watch_guests import watch_guests
from shared.stages.watch_jobs import watch_jobs
from tests.support.fakes import NOON, Fakes
from tests.support.ports import migration

A, B, OURS = "1000000000000001", "1000000000000002", "1000000000000009"
MEMBERS = {each: MemberAccount(each, f"acs:ram::{each}:role/replank-member") for each in (A, B)}


class RefusingAccount:
    """The services of an account whose role is gone, or may not make a call."""

    def __init__(self, error: ReplankError) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        def ask(*_: object, **__: object) -> None:
            raise self.error

        return ask


@dataclass
class Members:
    """The port ``Accounts``: an account refuses while ``errors`` says so; otherwise ``there`` acts. It records the sessions."""

    there: AccountPorts
    errors: dict[str, ReplankError] = field(default_factory=dict)
    sessions: list[tuple[str, str]] = field(default_factory=list)

    @property
    def members(self) -> dict[str, MemberAccount]:
        return MEMBERS

    def account_ports(self, account_id: str, session: str) -> AccountPorts:
        self.sessions.append((account_id, session))
        if account_id not in MEMBERS:
            raise account_not_configured_error(account_id)
        if account_id in self.errors:
            refusing: Any = RefusingAccount(self.errors[account_id])
            return AccountPorts(refusing, refusing, {"smc": refusing})
        return self.there


class Usable:
    """An account that answers the calls of these tests."""

    def regions(self) -> frozenset[str]:
        return frozenset({"cn-hangzhou"})

    def instance_page(self, region_id: str, *, instance_ids: Any = (), token: str = "", only: Any = None) -> InstancePage:
        return InstancePage((FoundInstance("i-test0001", region_id, "n", "CentOS 7.9", "CentOS 7.9 64 bit", "linux", "Running"),))

    def delete_snapshot(self, region_id: str, snapshot_id: str) -> bool:
        return True

    def agents_by_instance_id(self, region_id: str, ids: Any) -> dict[str, Any]:
        return {}

    def job_reports(self, migrations: Any) -> dict[str, Any]:
        return {}


def gone(account: str = A) -> ReplankError:
    return role_refused_error(MEMBERS[account], "EntityNotExist.Role: gone.")


def fakes(*refusing: str) -> Fakes:
    usable: Any = Usable()
    members = Members(AccountPorts(usable, usable, {"smc": usable}), {each: gone(each) for each in refusing})
    return Fakes(accounts=members, account_id=OURS, compute=usable, guest=usable, drivers={"smc": usable})


def stand(all: Fakes, number: int = 1, *, slot: bool = False, moving: int = 9, **more: Any) -> Migration:
    given = Acknowledgement("ann", NOON, "1", ())
    ids = Selection(("cn-hangzhou",), tuple(f"i-test{each:04d}" for each in range(1, 9)), accounts=("", A, B))
    policy = Policy(max_moving=moving)
    batch = Batch("b0000000000000001", BatchState.OPEN, 1, NOON, "api", "ann", ids, policy, acknowledgement=given)
    all.batches.create(batch)
    made = migration(number, **{"prechecked_at": NOON, "state": State.READY, "account_id": A, "driver": "smc", **more})
    all.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    if slot:
        room = all.admission.slot_use(made.batch_id, made.migration_id, account=made.account_id)
        assert all.admission.take_slot(room, made.migration_id, made.batch_id, made.attempt, account=made.account_id)
    return made


def about(made: Migration, type: str = events.STEP_DUE) -> Message:
    return Message(type, "e1", "replank", {"migrationId": made.migration_id})


def tick(all: Fakes, minutes: int = 1) -> None:
    for _ in range(minutes):
        all.clock.pass_time(minutes=1)
        watch.handle_message(Message("timer", "t", "timer", {}), all.ports)


STAGES: list[tuple[State, Callable[..., Any], dict[str, Any]]] = [
    (State.ACCEPTED, precheck.handle_message, {}),
    (State.PRECHECKING, precheck.handle_message, {"probe_invocation_id": "t-1"}),
    (State.READY, snapshot.handle_message, {}),
    (State.SNAPSHOTTED, migrate.handle_message, {"disks": ("d-1",)}),
]


@pytest.mark.parametrize(("state", "run", "more"), STAGES)
def test_what_is_refused_by_its_account_waits_without_a_slot(state: State, run: Callable[..., Any], more: dict[str, Any]) -> None:
    all = fakes(A)
    made = stand(all, slot=True, state=state, **more)
    all.admission.acquire_instance_lock(made.region_id, made.instance_id, made.migration_id, account=A)
    assert run(about(made), all.ports).result == "waiting"
    after = all.migrations.load(made.migration_id)
    assert after.failure is None
    assert after.state in (state, State.READY)
    assert not all.admission.repair_counts_and_list_slot_holders()
    assert all.admission.unusable_accounts([A])[A].code == "Account.RoleRefused"
    assert not all.batches.load_tally(made.batch_id).failed


def test_a_row_of_an_account_that_the_settings_do_not_name_any_more_waits() -> None:
    all = fakes()
    made = stand(all, state=State.ACCEPTED, account_id="1000000000000003")
    assert precheck.handle_message(about(made), all.ports).facts["code"] == "Account.NotConfigured"
    without = replace(all.ports, accounts=None)
    assert precheck.handle_message(about(made), without).facts["code"] == "Account.NotConfigured"


def test_the_session_of_a_migration_carries_its_id() -> None:
    all = fakes(A)
    made = stand(all, state=State.ACCEPTED)
    precheck.handle_message(about(made), all.ports)
    assert all.accounts.sessions == [(A, f"replank-{made.migration_id}")]


def test_others_get_their_slots_while_one_account_refuses() -> None:
    """Both are in one batch, with room for one. The refused migrations have waited longer."""
    all = fakes(A)
    refused = [stand(all, number, moving=1, entered_at=NOON - timedelta(hours=1)) for number in (1, 2, 3)]
    other, own = stand(all, 4, account_id=B), stand(all, 5, account_id="")
    snapshot.handle_message(about(refused[0], events.ADMISSION_DUE), all.ports)
    tick(all)
    offered = [each.data["migrationId"] for each in all.bus.published if each.type == events.ADMISSION_DUE]
    assert len(offered) == 1
    assert offered[0] in (other.migration_id, own.migration_id)


def test_each_account_has_its_own_limit() -> None:
    all = fakes()
    for number in (1, 2):
        stand(all, number, slot=True, state=State.MIGRATING, entered_at=NOON)
    waiting, other = stand(all, 3), stand(all, 4, account_id=B)
    ports = replace(all.ports, limits=replace(all.ports.limits, max_moving=2))
    offers.offer_slots([all.batches.load_summary(waiting.batch_id)], ports)
    offered = [each.data["migrationId"] for each in all.bus.published if each.type == events.ADMISSION_DUE]
    assert offered == [other.migration_id]


def test_it_goes_on_by_itself_when_the_role_is_back() -> None:
    all = fakes(A)
    made = stand(all)
    snapshot.handle_message(about(made, events.ADMISSION_DUE), all.ports)
    tick(all, 20)
    assert not [each for each in all.bus.published if each.type == events.ADMISSION_DUE]
    all.accounts.errors.clear()
    tick(all, 6)
    assert [each.data["migrationId"] for each in all.bus.published if each.type == events.ADMISSION_DUE]
    assert not all.admission.unusable_accounts([A])


def test_a_missing_permission_is_tried_again_ever_less_often() -> None:
    """Only the refused call itself can tell whether it is allowed now."""
    all = fakes()
    all.accounts.errors[A] = permission_missing_error(MEMBERS[A], "Forbidden.RAM: no.")
    made = stand(all)
    tries = []
    for _ in range(120):
        tick(all)
        if any(each.type == events.ADMISSION_DUE for each in all.bus.published):
            all.bus.published.clear()
            snapshot.handle_message(about(made, events.ADMISSION_DUE), all.ports)
            tries.append(int((all.clock.now() - NOON) / timedelta(minutes=1)))
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert len(tries) < 15
    assert pauses == sorted(pauses)
    assert max(pauses) <= 31
    assert all.migrations.load(made.migration_id).failure is None


def test_a_trouble_that_does_not_come_back_is_forgotten() -> None:
    all = fakes()
    all.accounts.errors[A] = permission_missing_error(MEMBERS[A], "Forbidden.RAM: no.")
    snapshot.handle_message(about(stand(all), events.ADMISSION_DUE), all.ports)
    all.accounts.errors.clear()
    assert recheck_blocked_accounts(all.ports) == {A}
    all.clock.pass_time(minutes=7)
    assert recheck_blocked_accounts(all.ports) == frozenset()
    assert not all.admission.known


def test_reminders_are_not_sent_into_an_account_that_refuses() -> None:
    all = fakes(A)
    waiting = stand(all, 1, state=State.ACCEPTED, due_at=NOON)
    other = stand(all, 2, state=State.ACCEPTED, due_at=NOON, account_id=B)
    precheck.handle_message(about(waiting), all.ports)
    tick(all)
    assert [each.data["migrationId"] for each in all.bus.published if each.type == events.STEP_DUE] == [other.migration_id]


def test_jobs_and_guests_of_other_accounts_are_looked_at() -> None:
    all = fakes(A)
    seen: list[str] = []

    def noted(names: Iterable[str]) -> dict[str, Any]:
        seen.extend(names)
        return {}

    there: Any = all.accounts.there.compute
    there.job_reports = lambda found: noted(each.account_id for each in found)
    there.agents_by_instance_id = lambda region_id, ids: noted(ids)
    jobs = [stand(all, n, slot=True, state=State.MIGRATING, account_id=account) for n, account in ((1, A), (2, B), (3, ""))]
    guests = [stand(all, n, slot=True, state=State.RESTARTING, account_id=account) for n, account in ((4, A), (5, B), (6, ""))]
    with_jobs = [replace(each, handle=DriverData(job_id="j-1", started_at=NOON)) for each in jobs]
    watch_jobs(with_jobs, all.ports)
    watch_guests(guests, all.ports)
    assert sorted(seen) == ["", B, "i-test0005", "i-test0006"]
    assert all.migrations.load(jobs[0].migration_id).state is State.MIGRATING
    assert all.migrations.load(guests[0].migration_id).state is State.RESTARTING
    assert set(all.admission.known) == {A}


def test_what_a_step_owes_there_stays_owed() -> None:
    all = fakes(A)
    made = stand(all, state=State.MIGRATING)
    taken = step_to_state(made, State.RESTARTING, now=NOON, by="watch", reason="finished")
    after = advance_migration(all.ports, replace(taken, effects=(AdoptSnapshots(),)))
    assert all.migrations.outboxes(made.migration_id)
    assert not settle_outboxes(all.ports, replace(after, owes=(after.version,)))
    assert set(all.admission.known) == {A}


def entry(made: Migration) -> LedgerEntry:
    return LedgerEntry(
        made.migration_id,
        "0-1-d-1",
        "cn-hangzhou",
        made.instance_id,
        "d-1",
        0,
        "replank",
        SnapshotState.ACCOMPLISHED,
        NOON,
        snapshot_id=f"s-{made.instance_id}",
        account_id=made.account_id,
        sweep_at=NOON,
    )


def test_the_sweep_of_one_account_that_refuses_leaves_the_others_theirs() -> None:
    all = fakes(A)
    mine = [
        stand(all, n, state=State.CONFIRMED, account_id=each, released_at=NOON) for n, each in ((1, A), (2, A), (3, B), (4, ""))
    ]
    for made in mine:
        all.ledger.write_entry(entry(made))
    all.clock.pass_time(days=1)
    outcome = sweep.handle_message(Message("timer", "t", "timer", {}), all.ports)
    left = {each.account_id for each in all.ledger.entries.values() if each.state is not SnapshotState.SWEPT}
    assert left == {A}
    assert outcome.facts["causes"] == {"Account.RoleRefused": 1, "Sweep.AccountSkipped": 1}


def planned(all: Fakes, *accounts: str) -> Batch:
    ids = Selection(("cn-hangzhou",), ("i-test0001",), accounts=accounts)
    all.batches.create(Batch("b0000000000000002", BatchState.PLANNING, 1, NOON, "api", "ann", ids, Policy()))
    intake.handle_message(Message(events.BATCH_SUBMITTED, "e1", "replank", {"batchId": "b0000000000000002"}), all.ports)
    return all.batches.load("b0000000000000002")


def test_planning_goes_on_without_the_account_that_refuses_and_says_so() -> None:
    all = fakes(A)
    batch = planned(all, "", A, B)
    made = [row.migration for row in all.migrations.rows.values()]
    assert (batch.state, batch.size) == (BatchState.OPEN, 2)
    assert sorted(each.account_id for each in made) == ["", B]
    assert len({each.migration_id for each in made}) == 2, "one id of an instance in two accounts makes two migrations"
    (problem,) = batch.problems
    assert problem[:2] == (f"account {A}", "Account.RoleRefused")
    assert "Restore role" in problem[2]


def test_without_accounts_in_the_selection_only_the_own_one_is_asked() -> None:
    all = fakes()
    planned(all)
    assert all.accounts.sessions == []


def restart(account: str, instance_id: str = "i-test0001") -> Message:
    data = {"resourceId": instance_id, "state": "Running", "regionId": "cn-hangzhou"}
    return Message("ecs:Instance:StateChange", "e9", "acs.ecs", data, NOON, account_id=account)


def test_an_event_of_ecs_finds_the_migration_of_its_account() -> None:
    all = fakes()
    for number, account in ((1, A), (2, "")):
        made = stand(all, number, state=State.MIGRATING, account_id=account, instance_id="i-test0001")
        all.admission.acquire_instance_lock("cn-hangzhou", "i-test0001", made.migration_id, account=account)
    for account, number in ((A, 1), (OURS, 2), ("", 2)):
        assert watch.handle_message(restart(account), all.ports).facts["migrationId"] == migration(number).migration_id
    for stranger in (B, "1000000000000007"):
        assert watch.handle_message(restart(stranger), all.ports).result == "stale"


def test_a_snapshot_event_of_another_account_is_not_applied() -> None:
    all = fakes()
    made = stand(all, state=State.SNAPSHOTTING, disks=("d-1",))
    content = {"snapshotName": f"replank-{made.migration_id}-0-1-d-1", "snapshotId": "s-1", "result": "accomplished"}
    for account, result in ((B, "stale"), (OURS, "stale"), ("", "stale"), ("1000000000000007", "stale")):
        message = Message("ecs:Snapshot:CreateSnapshotCompleted", "e", "acs.ecs", content, NOON, account_id=account)
        assert watch.handle_message(message, all.ports).result == result, account
    message = Message("ecs:Snapshot:CreateSnapshotCompleted", "e", "acs.ecs", content, NOON, account_id=A)
    assert watch.handle_message(message, all.ports).result == "waiting"


def test_events_name_the_member_account_and_only_that() -> None:
    assert events.migration_event(migration(1, account_id=A), events.STEP_DUE).data["accountId"] == A
    assert "accountId" not in events.migration_event(migration(1), events.STEP_DUE).data
