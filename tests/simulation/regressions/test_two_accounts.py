"""Two accounts under faults: the role of one is withdrawn and restored. Locks, slots and events are judged by account."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from localcloud.ecs import fleet_check
from shared.adapters.admission import TablestoreAdmission
from shared.ports.ports import Ports
from tests.simulation.records import COUNT, HELD, LOCKS, MIGRATIONS, SLOTS
from tests.simulation.truth import Change, Truth
from tests.support import members
from tests.support.fleets import fleet, instance
from tests.support.world import World

SHOP, STRANGER = "1000000000000001", "1000000000000007"
SAME = "i-test0001"
"""An instance id that both accounts have: nothing guarantees that ids differ between accounts."""
LIMIT = 1
ASKED = ("ecs", "smc", "sts", "tablestore", "eventbridge")
"""The services that functions call. Faults hit only these, because the test's own requests to the API must succeed."""
WEATHER = [
    {"service": service, "kind": kind, "times": -1, "probability": 0.02}
    for service in ASKED
    for kind in ("throttle", "drop_before", "drop_after")
]


class AccountsApart:
    """Conditions on the rows that must hold at every write. Violations are kept as sentences."""

    def __init__(self, world: World) -> None:
        self.truth, self.broken = Truth(world.cloud), list[str]()
        self.truth.on_change = self.look
        self.truth.attach()

    def look(self, change: Change) -> None:
        if change.table == LOCKS and change.key[0] == SLOTS and change.after is not None:
            self._slots(change.after)
        if change.table == MIGRATIONS and change.after is not None:
            self._migration(change)

    def _slots(self, row: dict[str, Any]) -> None:
        homes = [self.truth.migrations[name[len(HELD) :]].account_id for name in row if name.startswith(HELD)]
        for account, held in Counter(homes).items():
            if held > LIMIT:
                self.broken.append(f"{held} slots are held in account {account or 'our own'}")
        if row.get(COUNT + SHOP, 0) != homes.count(SHOP) or row.get(COUNT, 0) != len(homes):
            self.broken.append(f"the row counts {row.get(COUNT)} and {row.get(COUNT + SHOP, 0)}, and {homes} hold a slot")

    def _migration(self, change: Change) -> None:
        found, row = self.truth.migrations[change.key[0]], change.after or {}
        refused = json.loads(row["doc"]).get("failure") or {}
        if refused.get("code") == "Instance.AlreadyMigrating":
            self.broken.append(f"{found.instance_id} of {found.account_id or 'our own'} was locked by another account's migration")
        if found.state.value in ("ready", "migrating", "validating") and self.truth.holder(found) != found.migration_id:
            self.broken.append(f"{found.migration_id} is {found.state.value} without the lock of its own account")
        new = {name for name in row if name.startswith("r_")} - set(change.before or {})
        if new and self.allowed not in ("*", found.account_id):
            self.broken.append(f"a restart of another account was counted for {found.migration_id}")

    allowed = "*"
    """The account whose event is being handled; any account if no event was sent by hand."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    env = {**members.settings([SHOP]), "REPLANK_MAX_MOVING": str(LIMIT), "REPLANK_RETRY_PAUSE_MS": "0"}
    made = World(env=env, templates=(members.template(tmp_path, [SHOP]),), seed=7)
    members.open_member(made.cloud, SHOP)
    with made.connected():
        made.load_fleet(fleet(instance(1), instance(2)))
        with mock.patch.object(fleet_check, "_wrong_accounts", return_value=[]):
            made.load_fleet(fleet(instance(1, account=SHOP), instance(3, account=SHOP)))
        yield made


def begin(world: World) -> None:
    ids = [SAME, "i-test0002", "i-test0003"]
    body = {"instanceIds": ids, "accountIds": [world.cloud.accounts.own, SHOP], "policy": {"retentionDays": 1, "maxMoving": 9}}
    batch_id = world.api.post("/batches", body)["batchId"]
    world.run_until(lambda: len(world.migrations()) == 4, minutes=60)
    world.run_until(lambda: {each["state"] for each in world.migrations()} <= {"ready", "precheck_failed"}, minutes=60)
    version = world.api.get("/risks")["version"]
    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": version})


def states(world: World) -> list[str]:
    return sorted(each["state"] for each in world.migrations())


def storm(world: World, *, until: int = 1500) -> None:
    """The whole run, while the role is deleted, restored, loses its trust and gets it back."""
    world.cloud.faults.set(WEATHER)
    begin(world)
    for how, minutes in (("role", 40), ("", 30), ("trust", 40), ("", 0)):
        world.run(20)
        members.withdraw(world.cloud, SHOP, how)
        world.run(minutes)
    world.cloud.faults.set([])
    world.run_until(lambda: states(world) == ["migrated"] * 4, minutes=until)


def test_accounts_stay_apart_in_bad_weather(world: World) -> None:
    seen = AccountsApart(world)
    storm(world)
    assert seen.broken == []
    assert {each["failure"] for each in world.migrations()} == {None}


def _lock_of_any() -> list[Any]:
    """Mutant: the lock ignores the account."""
    lock, holder = TablestoreAdmission.acquire_instance_lock, TablestoreAdmission.instance_lock_holder

    def locked(self: Any, *what: Any, account: str = "") -> str:
        return lock(self, *what)

    def held(self: Any, *what: Any, account: str = "") -> str:
        return holder(self, *what)

    patches = {"acquire_instance_lock": locked, "instance_lock_holder": held}
    return [mock.patch.object(TablestoreAdmission, name, patch) for name, patch in patches.items()]


def _slots_of_all() -> list[Any]:
    """Mutant: a slot counts for no account."""
    take = TablestoreAdmission.take_slot

    def taken(self: Any, *what: Any, account: str = "", **more: Any) -> bool:
        return take(self, *what, **more)

    return [mock.patch.object(TablestoreAdmission, "take_slot", taken)]


@pytest.mark.parametrize("mutant", [_lock_of_any, _slots_of_all])
def test_the_checker_finds_what_ignores_the_account(world: World, mutant: Any) -> None:
    seen = AccountsApart(world)
    with ExitStack() as stack:
        for patch in mutant():
            stack.enter_context(patch)
        begin(world)
        world.run(20)
    assert seen.broken


def moving(world: World) -> list[str]:
    """The instances of the deployment's account whose job runs."""
    own = world.cloud.accounts.own
    return [each["instanceId"] for each in world.migrations() if (each["accountId"], each["state"]) == (own, "migrating")]


def send_restarts(world: World, seen: AccountsApart) -> None:
    """Send restart events of an instance with the same id, in an account that the product does not serve."""
    world.run_until(lambda: bool(moving(world)), minutes=60)
    seen.allowed = STRANGER
    data = {"resourceId": moving(world)[0], "state": "Running", "regionId": "cn-hangzhou"}
    for number in range(3):
        more = {"event_id": f"foreign-{number}", "source": "acs.ecs", "bus": "default", "aliyunoriginalaccountid": STRANGER}
        world.send("ecs:Instance:StateChange", data, **more)
    world.run(0.5)


def test_an_event_of_an_account_that_is_not_served_is_not_applied(world: World) -> None:
    seen = AccountsApart(world)
    begin(world)
    send_restarts(world, seen)
    assert seen.broken == []


def test_the_checker_finds_a_foreign_event_that_is_applied(world: World) -> None:
    seen = AccountsApart(world)
    with mock.patch.object(Ports, "account_as_stored", return_value=""):
        begin(world)
        send_restarts(world, seen)
    assert seen.broken
