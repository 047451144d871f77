"""Deletion protection against the local cloud: switched on once before the snapshots, put back as it was, also after a crash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from localcloud.account import service
from shared.domain.accounts import NO_PERMISSION
from shared.domain.effects import RestoreProtection
from shared.domain.errors import AccountUnusable
from shared.domain.message import Message
from shared.domain.migration import Migration, State, first_journal_entry, step_to_state
from shared.domain.protection import LATE_CALL, ProtectedInstance
from shared.domain.timing import PROTECTION_MINUTE
from shared.ports.ports import Ports
from shared.stages import watch
from shared.stages.advance import settle_outboxes
from shared.stages.protection import protect_instance, switch_off_leftover_protections, switch_off_protection_of_migration
from tests.support.fakes import FakeBus
from tests.support.fleets import fleet, instance
from tests.support.ports import T0, Bench, bench, migration

CHARGED: dict[str, dict[str, Any]] = {
    "i-test0002": {"DeletionProtection": True},
    "i-test0003": {"SpotStrategy": "SpotAsPriceGo"},
    "i-test0004": {"InstanceChargeType": "PrePaid", "ExpiredTime": "2027-11-23T00:00Z"},
}
DENIED = {
    "service": "ecs",
    "operation": "ModifyInstanceAttribute",
    "kind": "error",
    "code": "Forbidden.RAM",
    "status": 403,
    "times": -1,
}
TICK = Message("timer", "t", "timer", {})


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench() as made:
        made.world.load_fleet(fleet(*(instance(number, **CHARGED.get(f"i-test{number:04d}", {})) for number in range(1, 6))))
        made.world.at(T0)
        yield made


@pytest.fixture
def ports(one: Bench) -> Ports:
    return replace(one.ports, bus=FakeBus())


def stand(ports: Ports, number: int = 1, state: State = State.SNAPSHOTTING, **more: Any) -> Migration:
    made = migration(number, state=state, **more)
    ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
    return made


def is_on(one: Bench, number: int = 1) -> bool:
    return bool(_instance(one, number)["DeletionProtection"])


def switch_by_hand(one: Bench, on: bool, number: int = 1) -> None:
    found = _instance(one, number)
    service(one.world.cloud, "ecs").world.store.put("instance", found["InstanceId"], {**found, "DeletionProtection": on})


def _instance(one: Bench, number: int) -> dict[str, Any]:
    found: dict[str, Any] = service(one.world.cloud, "ecs").world.store.get("instance", f"i-test{number:04d}")
    return found


def row_of(ports: Ports, number: int = 1) -> ProtectedInstance | None:
    return ports.protections.protection_record("cn-hangzhou", f"i-test{number:04d}")


def end(ports: Ports, made: Migration, to: State = State.CANCELLED) -> Migration:
    """The end of a migration, whose function dies before the effect."""
    taken = step_to_state(made, to, now=T0, by="ann", reason="over")
    ports.migrations.commit(replace(taken, effects=(RestoreProtection(),)))
    return ports.migrations.load(made.migration_id)


def later(one: Bench, by: timedelta = LATE_CALL) -> None:
    one.world.at(one.now + by)


def test_the_row_is_written_before_the_call_and_a_second_run_repeats_nothing(one: Bench, ports: Ports) -> None:
    made = stand(ports)
    calls = one.calls(lambda: protect_instance(made, ports))
    assert calls == ["DescribeInstances", "PutRow", "ModifyInstanceAttribute"]
    assert is_on(one)
    again = one.calls(lambda: protect_instance(made, ports))
    assert again == ["DescribeInstances", "GetRow"]


def test_the_end_puts_it_back(one: Bench, ports: Ports) -> None:
    made = stand(ports)
    protect_instance(made, ports)
    later(one)
    calls = one.calls(lambda: switch_off_protection_of_migration(replace(made, state=State.MIGRATED), ports))
    assert calls == ["GetRow", "ModifyInstanceAttribute", "DeleteRow"]
    assert (is_on(one), row_of(ports)) == (False, None)


@pytest.mark.parametrize("number", [2, 3, 4])
def test_nothing_is_written_or_put_back_if_it_was_on_or_is_not_offered(one: Bench, ports: Ports, number: int) -> None:
    made = stand(ports, number)
    before = is_on(one, number)
    assert one.calls(lambda: protect_instance(made, ports))[-1] != "ModifyInstanceAttribute"
    later(one)
    assert one.calls(lambda: switch_off_protection_of_migration(replace(made, state=State.CANCELLED), ports)) == ["GetRow"]
    assert (is_on(one, number), row_of(ports, number)) == (before, None)


def test_the_setting_switches_it_off(one: Bench, ports: Ports) -> None:
    made, off = stand(ports), replace(ports, limits=replace(ports.limits, protect=False))
    assert one.calls(lambda: protect_instance(made, off)) == []


def test_a_retry_does_not_switch_on_again_what_a_person_switched_off(one: Bench, ports: Ports) -> None:
    made = stand(ports)
    protect_instance(made, ports)
    switch_by_hand(one, False)
    protect_instance(replace(made, attempt=2), ports)
    protect_instance(replace(made, hop=1), ports)
    assert not is_on(one)
    later(one)
    switch_off_protection_of_migration(replace(made, state=State.ROLLED_BACK), ports)
    assert (is_on(one), row_of(ports)) == (False, None)


def test_after_a_crash_before_the_call_the_same_attempt_switches_it_on(one: Bench, ports: Ports) -> None:
    made = stand(ports)
    ports.protections.put_protection_record(ProtectedInstance(made.region_id, made.instance_id, "", made.migration_id, "0-1", T0))
    later(one)
    protect_instance(made, ports)
    found = row_of(ports)
    assert is_on(one)
    assert found is not None
    assert found.since == one.now  # the end waits for this call, not for the one before the crash


def test_the_end_waits_for_a_call_that_may_be_under_way(one: Bench, ports: Ports) -> None:
    made = stand(ports)
    protect_instance(made, ports)
    ended = end(ports, made)
    with_drivers = replace(ports, drivers={"smc": ports.drivers["smc"]})
    assert not settle_outboxes(with_drivers, ended)
    assert is_on(one)
    later(one)
    assert settle_outboxes(with_drivers, ended)
    assert (is_on(one), row_of(ports)) == (False, None)


def test_a_retry_keeps_the_protection_whatever_the_refusal_still_owes(one: Bench, ports: Ports) -> None:
    made = stand(ports)
    protect_instance(made, ports)
    later(one)
    switch_off_protection_of_migration(replace(made, state=State.ACCEPTED), ports)
    assert is_on(one)


def test_the_next_migration_of_an_instance_takes_the_row_over(one: Bench, ports: Ports) -> None:
    first = stand(ports)
    protect_instance(first, ports)
    second = replace(first, migration_id="m-second")
    protect_instance(second, ports)
    later(one)
    switch_off_protection_of_migration(replace(first, state=State.CANCELLED), ports)
    assert is_on(one)
    switch_off_protection_of_migration(replace(second, state=State.MIGRATED), ports)
    assert not is_on(one)


def test_a_row_that_is_taken_over_in_the_middle_of_the_end_keeps_its_protection(one: Bench, ports: Ports) -> None:
    first = stand(ports)
    protect_instance(first, ports)
    read = row_of(ports)
    protect_instance(replace(first, migration_id="m-second"), ports)
    later(one)
    late = mock.Mock(wraps=ports.protections)
    late.protection_record.side_effect = [read, row_of(ports)]
    switch_off_protection_of_migration(replace(first, state=State.CANCELLED), replace(ports, protections=late))
    assert is_on(one)


def test_an_instance_that_is_gone_leaves_no_row(one: Bench, ports: Ports) -> None:
    made = stand(ports)
    protect_instance(made, ports)
    service(one.world.cloud, "ecs").world.store.delete("instance", made.instance_id)
    later(one)
    switch_off_protection_of_migration(replace(made, state=State.CANCELLED), ports)
    assert row_of(ports) is None


def test_a_refused_call_stops_nothing_and_leaves_no_row_behind(one: Bench, ports: Ports, caplog: Any) -> None:
    made = stand(ports)
    one.faults(DENIED)
    protect_instance(made, ports)
    assert not is_on(one)
    assert "Protection.NotSet" in str([each.facts for each in caplog.records if hasattr(each, "facts")])
    later(one)
    switch_off_protection_of_migration(replace(made, state=State.MIGRATED), ports)
    assert row_of(ports) is None


class LostThenRefused:
    """The computing port. Its first try has its effect, and the answer is lost; then the role has no permission any more."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def change_deletion_protection(self, region_id: str, instance_id: str, on: bool) -> None:
        self._real.change_deletion_protection(region_id, instance_id, on)
        raise AccountUnusable(NO_PERMISSION, "Forbidden.Withdrawn", "Allow it.", "")


def test_a_refusal_after_a_lost_answer_keeps_the_row_because_the_protection_is_on(one: Bench, ports: Ports) -> None:
    """Seed 89207824 of the simulation: nobody switched the protection off."""
    protect_instance(stand(ports), replace(ports, compute=LostThenRefused(ports.compute)))
    assert is_on(one)
    assert row_of(ports) is not None


def test_a_later_attempt_tries_again_what_ecs_refused(one: Bench, ports: Ports) -> None:
    made = stand(ports)
    one.faults(DENIED)
    protect_instance(made, ports)
    assert (is_on(one), row_of(ports)) == (False, None)
    one.faults()
    protect_instance(replace(made, attempt=2), ports)
    assert is_on(one)


class NotAllowed:
    """The computing port of a member account whose role may not change instances."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def change_deletion_protection(self, region_id: str, instance_id: str, on: bool) -> None:
        raise AccountUnusable(NO_PERMISSION, "Forbidden.RAM", "Allow it.", "1000000000000002")


def test_a_member_account_without_the_permission_moves_unprotected(one: Bench, ports: Ports) -> None:
    """The missing permission must not hold the other migrations of the account, nor leave a row."""
    refusing = replace(ports, compute=NotAllowed(ports.compute))
    made = stand(ports)
    protect_instance(made, refusing)
    assert (is_on(one), row_of(ports)) == (False, None)


def test_a_permission_that_was_withdrawn_since_holds_no_account(one: Bench, ports: Ports, caplog: Any) -> None:
    made = stand(ports)
    protect_instance(made, ports)
    later(one)
    switch_off_protection_of_migration(replace(made, state=State.MIGRATED), replace(ports, compute=NotAllowed(ports.compute)))
    assert "Protection.NotRestored" in str([each.facts for each in caplog.records if hasattr(each, "facts")])
    assert row_of(ports) is not None


def test_what_could_not_be_put_back_is_put_back_within_the_hour(one: Bench, ports: Ports, caplog: Any) -> None:
    made = stand(ports)
    protect_instance(made, ports)
    later(one)
    one.faults(DENIED)
    assert settle_outboxes(ports, end(ports, made))
    assert is_on(one)
    assert "Protection.NotRestored" in str([each.facts for each in caplog.records if hasattr(each, "facts")])
    one.faults()
    one.world.at(one.now.replace(minute=PROTECTION_MINUTE) + timedelta(hours=1))
    watch.handle_message(TICK, ports)
    assert (is_on(one), row_of(ports)) == (False, None)


def test_the_hourly_look_leaves_what_still_moves_and_what_waits_for_a_person(one: Bench, ports: Ports) -> None:
    for number, state in ((1, State.SNAPSHOTTED), (5, State.FAILED)):
        protect_instance(stand(ports, number, state), ports)
    later(one)
    assert switch_off_leftover_protections(ports) == 0
    assert is_on(one, 1)
    assert is_on(one, 5)


def test_the_hourly_look_puts_back_what_no_migration_owns(one: Bench, ports: Ports) -> None:
    protect_instance(migration(1, state=State.SNAPSHOTTING), ports)
    assert switch_off_leftover_protections(ports) == 0  # its call may be late
    later(one)
    assert switch_off_leftover_protections(ports) == 1
    assert not is_on(one)
