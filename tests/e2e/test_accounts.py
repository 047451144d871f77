"""A batch over three accounts in two regions. One account loses its role half way, waits, and goes on when the role is back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import members
from tests.support.fleets import fleet, instance
from tests.support.world import World

SHOP, BANK = "1000000000000001", "1000000000000002"
HANGZHOU, BEIJING = "cn-hangzhou", "cn-beijing"
OWN, SHOP_FIRST, SHOP_SECOND, BANKS = "i-test0001", "i-test0002", "i-test0003", "i-test0004"
ALL = [OWN, SHOP_FIRST, SHOP_SECOND, BANKS]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    accounts = (SHOP, BANK)
    env = {**members.settings(accounts), "REPLANK_REGIONS": f"{HANGZHOU},{BEIJING}"}
    made = World(env=env, templates=(members.template(tmp_path, accounts),))
    for each in accounts:
        members.open_member(made.cloud, each)
    with made.connected():
        made.load_fleet(
            fleet(
                instance(1),
                instance(2, account=SHOP),
                instance(3, account=SHOP, RegionId=BEIJING),
                instance(4, account=BANK, RegionId=BEIJING),
            )
        )
        yield made


def submit(world: World, **policy: Any) -> str:
    accounts = [world.cloud.accounts.own, SHOP, BANK]
    body = {"instanceIds": ALL, "accountIds": accounts, "policy": {"retentionDays": 1, **policy}}
    return str(world.api.post("/batches", body)["batchId"])


def acknowledge(world: World, batch_id: str) -> None:
    version = world.api.get("/risks")["version"]
    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": version})


def of(world: World, instance_id: str) -> dict[str, Any]:
    (found,) = world.migrations(instanceId=instance_id)
    return dict(world.api.get(f"/migrations/{found['migrationId']}"))


def test_an_account_that_loses_its_role_half_way_waits_and_goes_on(world: World) -> None:
    batch_id = submit(world, maxMoving=3)
    world.run_until(lambda: list(world.states().values()) == ["ready"] * 4, minutes=30)
    assert {each["instanceId"]: each["accountId"] for each in world.migrations()} == {
        OWN: world.cloud.accounts.own,
        SHOP_FIRST: SHOP,
        SHOP_SECOND: SHOP,
        BANKS: BANK,
    }
    acknowledge(world, batch_id)
    world.run_until(lambda: "migrating" in (world.states()[SHOP_FIRST], world.states()[SHOP_SECOND]), minutes=60)
    members.withdraw(world.cloud, SHOP)
    world.run_until(lambda: world.states()[OWN] == world.states()[BANKS] == "migrated", minutes=180)

    # What is said.
    batch = world.api.get(f"/batches/{batch_id}")
    (trouble,) = batch["accountTroubles"]
    assert (trouble["accountId"], trouble["code"]) == (SHOP, "Account.RoleRefused")
    assert trouble["remedy"].startswith(f"Restore role {members.arn(SHOP)} and its trust policy in account {SHOP}")
    # What waits, and how.
    for each in (SHOP_FIRST, SHOP_SECOND):
        found = of(world, each)
        assert found["failure"] is None, found["failure"]
        assert members.arn(SHOP) in found["waitsFor"]
    assert batch["counts"].get("failed", 0) == 0

    members.withdraw(world.cloud, SHOP, "")
    world.run_until(lambda: set(world.states().values()) == {"migrated"}, minutes=240)
    assert world.api.get(f"/batches/{batch_id}")["accountTroubles"] == []

    # To the end: the snapshots of every account are swept.
    named = [{"migrationId": each["migrationId"], "version": each["version"]} for each in world.migrations()]
    world.api.post(f"/batches/{batch_id}/confirmation", {"migrations": named})
    world.run_until(lambda: set(world.states().values()) == {"completed"}, minutes=4 * 24 * 60, every=60, sparsely=True)
    assert world.api.get("/snapshots")["snapshots"] == []


def test_the_calls_of_a_member_carry_the_migration_and_no_other_right(world: World) -> None:
    submit(world)
    world.run_until(lambda: list(world.states().values()) == ["ready"] * 4, minutes=30)
    sessions = {key.session for key in world.cloud.identities.sessions()}
    ids = {each["migrationId"] for each in world.migrations() if each["accountId"] != world.cloud.accounts.own}
    assert {f"replank-{each}" for each in ids} <= sessions
    assert sessions - {f"replank-{each}" for each in ids} <= {"replank-watch"}
