"""One large move over three regions and two accounts: groups of two, waves, two windows a day in two zones, and failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulation.invariants import Checker, Sight
from tests.simulation.invariants.grouped import OneOfAGroup
from tests.simulation.invariants.journal import JournalIsTheTruth
from tests.simulation.invariants.limits import LimitsHeld
from tests.simulation.invariants.parts import PartsLimited
from tests.simulation.invariants.starts import EveryStart
from tests.simulation.simulation import prepared
from tests.simulation.swept import CloudRecords
from tests.simulation.truth import Change, Effect, Truth
from tests.support import members
from tests.support.fleets import fleet, instance
from tests.support.world import World

SHOP, TAG = "1000000000000001", "serves"
REGIONS = ("cn-hangzhou", "cn-beijing", "cn-shanghai")
LONGEST_DAYS = 40
POLICY: Mapping[str, Any] = {
    "retentionDays": LONGEST_DAYS + 1,  # the snapshots must stay, because they are the cloud's record
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


class Watched:
    """Lets the checkers judge every written row and every call that had its effect."""

    def __init__(self, world: World, tags: dict[str, dict[str, str]], account_limit: int) -> None:
        self.truth, self.broken = Truth(world.cloud), list[str]()
        self.scene = Sight(self.truth, account_limit=account_limit, tags=tags)
        self.checkers: list[Checker] = [LimitsHeld(), PartsLimited(), OneOfAGroup(), EveryStart(), JournalIsTheTruth()]
        self.truth.on_change, self.truth.on_effect = self.row, self.effect
        self.truth.attach()
        self.cloud = CloudRecords(self.truth)

    def row(self, change: Change) -> None:
        for each in self.checkers:
            self.broken += each.row(change, self.scene)

    def effect(self, effect: Effect) -> None:
        for each in self.checkers:
            self.broken += each.effect(effect, self.scene)

    def states(self) -> Counter[str]:
        """The number of migrations by state."""
        return Counter(each.state.value for each in self.truth.migrations.values())


@dataclass
class LargeMove:
    """Moves ``count`` instances; ``policy`` wins over the scenario's own fields. Use ``run`` once."""

    count: int
    folder: Path
    policy: Mapping[str, Any] = field(default_factory=dict)
    fail_every: int = FAIL_EVERY
    pauses: int = 0
    """How often the batch paused at its budget, and a second person resumed it."""
    batch_id: str = ""
    journal: list[dict[str, Any]] = field(default_factory=list)
    """The batch's own journal, as it was when the run or ``stop`` last looked."""

    @property
    def account_limit(self) -> int:
        """How many may move at once in each account."""
        return max(self.count * 6 // 100, 4)

    def asked(self) -> dict[str, Any]:
        """The policy: the more instances, the more of them at once. A field that ``policy`` has as None is left out."""
        count = self.count
        most = {
            "maxMoving": max(count // 10, 6),
            "maxMovingPerRegion": max(count // 25, 3),
            "maxMovingPerWave": max(count // 12, 5),
        }
        return {name: value for name, value in {**POLICY, **most, **self.policy}.items() if value is not None}

    def run(self, stop: Callable[[Watched], bool] = lambda seen: False) -> Watched:
        """Submit and acknowledge the batch, until every instance has moved, or failed and was accepted as it is.

        Bob resumes the batch after every pause. He also confirms what failed, because its group waits for that.
        It ends sooner if ``stop``, asked once in an hour of the cloud's time, is true, and always after ``LONGEST_DAYS``.
        """
        with prepared(), self._world() as (made, seen):
            ids = [f"i-test{number:04d}" for number in range(1, self.count + 1)]
            accounts = [made.cloud.accounts.own, SHOP]
            body = {"instanceIds": ids, "regionIds": list(REGIONS), "accountIds": accounts, "policy": self.asked()}
            self.batch_id = made.api.post("/batches", body)["batchId"]
            made.run_until(lambda: seen.truth.batches[self.batch_id].size == self.count, minutes=120, every=5)
            made.run_until(lambda: seen.states() == {"ready": self.count}, minutes=24 * 60, every=30)
            made.api.post(f"/batches/{self.batch_id}/acknowledgement", {"risksVersion": made.api.get("/risks")["version"]})
            for _ in range(LONGEST_DAYS * 24):
                made.run(60)
                made.operator, former = "bob", made.operator
                self.pauses += self._resume_if_paused_at_budget(made)
                self._confirm_failed(made, seen)
                made.operator = former
                self.journal = made.api.get(f"/batches/{self.batch_id}")["journal"]
                if set(seen.states()) <= {"migrated", "confirmed"} or stop(seen):
                    break
        return seen

    def _resume_if_paused_at_budget(self, made: World) -> bool:
        """Whether the batch had paused at its budget."""
        found = made.api.get(f"/batches/{self.batch_id}")
        if found["brake"] is None or found["brake"]["state"] != "paused at budget":
            return False
        body = {"why": "known", "failed": found["failed"]}
        made.api.post(f"/batches/{self.batch_id}/resume", body, seen=found["version"])
        return True

    def _confirm_failed(self, made: World, seen: Watched) -> None:
        for id in sorted(id for id, each in seen.truth.migrations.items() if each.state.value == "failed"):
            made.api.post(f"/migrations/{id}/confirmation", {})

    @contextmanager
    def _world(self) -> Iterator[tuple[World, Watched]]:
        limit = {"REPLANK_MAX_MOVING": str(self.account_limit), "REPLANK_LOG_LEVEL": "ERROR"}
        env = {**members.settings([SHOP]), **limit}
        made = World(env=env, templates=(members.template(self.folder, [SHOP]),), seed=7)
        members.open_member(made.cloud, SHOP)
        everything = [shown(number) for number in range(1, self.count + 1)]
        failing = {each["InstanceId"] for each in everything[self.fail_every - 1 :: self.fail_every]}
        with made.connected():
            for member in (False, True):
                mine = [each for each in everything if ("account" in each) is member]
                guests = {
                    each["InstanceId"]: {"smc": {"fail_attempts": 1, "cause": "x"}}
                    for each in mine
                    if each["InstanceId"] in failing
                }
                made.load_fleet(fleet(*mine, guests=guests))
            tags = {each["InstanceId"]: {TAG: each["Tags"]["Tag"][0]["TagValue"]} for each in everything}
            yield made, Watched(made, tags, self.account_limit)


def shown(number: int) -> dict[str, Any]:
    """An instance in one of three regions. Two consecutive instances of a region form a redundancy group."""
    tags = {"Tag": [{"TagKey": TAG, "TagValue": f"pair-{number % 3}-{number // 6}"}]}
    account: dict[str, Any] = {"account": SHOP} if number % 2 else {}
    return instance(number, RegionId=REGIONS[number % 3], Tags=tags, **account)
