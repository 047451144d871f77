"""The large scenario: regions, accounts, groups, waves, windows and failures. The limits hold at every write and call.

``LARGE_MOVE=1000`` moves a thousand instances instead of sixty.
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.invariants.grouped import OneOfAGroup
from tests.simulation.invariants.limits import LimitsHeld
from tests.simulation.invariants.parts import PartsLimited
from tests.simulation.invariants.scene import Checker, Sight
from tests.simulation.truth import Change, Effect, Truth
from tests.support import members
from tests.support.fleets import fleet, instance
from tests.support.world import World

SHOP, TAG = "1000000000000001", "serves"
REGIONS = ("cn-hangzhou", "cn-beijing", "cn-shanghai")
ACCOUNT_LIMIT = 60
POLICY: dict[str, Any] = {
    "retentionDays": 1,
    "waves": ["1", "10", "50", "25%"],
    "group": {"tag": TAG},
    "failurePercent": 1,
    "windows": [
        {"start": "20:00", "lengthMin": 300, "zone": "Asia/Shanghai", "cutoffMin": 30},
        {"start": "01:00", "lengthMin": 300, "zone": "Europe/London", "cutoffMin": 30},
    ],
}
FAIL_EVERY = 33
"""One instance in this many fails once (three percent)."""
LONGEST_DAYS = 40


class Watched:
    """Lets the checkers judge every written row and every call that had its effect."""

    def __init__(self, world: World, tags: dict[str, dict[str, str]]) -> None:
        self.truth, self.broken = Truth(world.cloud), list[str]()
        self.scene = Sight(self.truth, account_limit=ACCOUNT_LIMIT, tags=tags)
        self.checkers: list[Checker] = [LimitsHeld(), PartsLimited(), OneOfAGroup()]
        self.truth.on_change, self.truth.on_effect = self.row, self.effect
        self.truth.attach()

    def row(self, change: Change) -> None:
        for each in self.checkers:
            self.broken += each.row(change, self.scene)

    def effect(self, effect: Effect) -> None:
        for each in self.checkers:
            self.broken += each.effect(effect, self.scene)


def shown(number: int) -> dict[str, Any]:
    """An instance in one of three regions. Two consecutive instances of a region form a redundancy group."""
    tags = {"Tag": [{"TagKey": TAG, "TagValue": f"pair-{number % 3}-{number // 6}"}]}
    account: dict[str, Any] = {"account": SHOP} if number % 2 else {}
    return instance(number, RegionId=REGIONS[number % 3], Tags=tags, **account)


@contextmanager
def world(folder: Path, count: int) -> Iterator[tuple[World, Watched]]:
    env = {**members.settings([SHOP]), "REPLANK_MAX_MOVING": str(ACCOUNT_LIMIT), "REPLANK_LOG_LEVEL": "ERROR"}
    made = World(env=env, templates=(members.template(folder, [SHOP]),), seed=7)
    members.open_member(made.cloud, SHOP)
    all_of_them = [shown(number) for number in range(1, count + 1)]
    guests = {each["InstanceId"]: {"smc": {"fail_attempts": 1, "cause": "x"}} for each in all_of_them[FAIL_EVERY - 1 :: FAIL_EVERY]}
    with made.connected():
        for member in (False, True):
            mine = [each for each in all_of_them if ("account" in each) is member]
            made.load_fleet(
                fleet(*mine, guests={id: facts for id, facts in guests.items() if id in {i["InstanceId"] for i in mine}})
            )
        tags = {each["InstanceId"]: {TAG: each["Tags"]["Tag"][0]["TagValue"]} for each in all_of_them}
        yield made, Watched(made, tags)


def resumed_by_bob(made: World, batch_id: str) -> bool:
    """Whether the batch had paused at its budget. If so, bob resumes it."""
    found = made.api.get(f"/batches/{batch_id}")
    if found["brake"] is None or found["brake"]["state"] != "paused at budget":
        return False
    made.operator, former = "bob", made.operator
    made.api.post(f"/batches/{batch_id}/resume", {"why": "known", "failed": found["failed"]}, seen=found["version"])
    made.operator = former
    return True


@pytest.mark.long
def test_limits_hold_at_every_instant_of_a_large_move(tmp_path: Path) -> None:
    count = int(os.environ.get("LARGE_MOVE", "60"))
    began, pauses = time.perf_counter(), 0
    most = {"maxMoving": max(count // 10, 6), "maxMovingPerRegion": max(count // 25, 3), "maxMovingPerWave": max(count // 12, 5)}
    with world(tmp_path, count) as (made, seen):
        ids = [f"i-test{number:04d}" for number in range(1, count + 1)]
        accounts = [made.cloud.accounts.own, SHOP]
        body = {"instanceIds": ids, "regionIds": list(REGIONS), "accountIds": accounts, "policy": {**POLICY, **most}}
        batch_id = made.api.post("/batches", body)["batchId"]
        made.run_until(lambda: seen.truth.batches[batch_id].size == count, minutes=120, every=5)
        made.run_until(lambda: states(seen) == {"ready": count}, minutes=24 * 60, every=30)
        made.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": made.api.get("/risks")["version"]})
        for _ in range(LONGEST_DAYS * 24):
            made.run(60)
            pauses += resumed_by_bob(made, batch_id)
            if set(states(seen)) <= {"migrated", "failed"}:
                break
        journal = made.api.get(f"/batches/{batch_id}")["journal"]
    failed = count // FAIL_EVERY
    assert states(seen) == {"migrated": count - failed, "failed": failed}
    assert seen.broken == []
    assert pauses >= 1
    assert {each["by"] for each in journal if each["act"] == "resume"} == {"bob"}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{count} instances: {time.perf_counter() - began:.0f} s, {peak:.0f} MiB at most, {pauses} pauses")


def states(seen: Watched) -> Counter[str]:
    """The number of migrations by state."""
    return Counter(each.state.value for each in seen.truth.migrations.values())
