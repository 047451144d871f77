"""One fleet's whole life on the local cloud, metered: submitted, acknowledged, moved, confirmed, swept."""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from bench.meter import Meter
from tests.support.fleets import fleet, instance
from tests.support.world import World

DAY = 24 * 60
PER_BATCH = 1000
"""Instances one batch may hold."""


@dataclass
class FleetRun:
    """What a fleet's life took."""

    instances: int
    wall_s: float
    cpu_s: float
    """Of this process, without the guests' shells."""
    virtual_days: float
    peak_mib: float
    states: dict[str, int]
    meter: Meter = field(repr=False)


def live(count: int, *, max_moving: int, days: float = 0, swept: bool = True, seed: int = 1) -> FleetRun:
    """Run a fleet of ``count`` instances until its snapshots are swept, or until it is migrated; with none, an idle account for
    a number of ``days``."""
    meter, started, cpu = Meter(), time.perf_counter(), time.process_time()
    env = {"REPLANK_MAX_MOVING": str(max_moving), "REPLANK_LOG_LEVEL": "ERROR"}
    world = World(seed=seed, invoker=meter.invoker(), around=meter.around, env=env)
    # Functions run in this process, each with its own variables: without putenv that is 7 % of the time less.
    with mock.patch.object(os, "environ", dict(os.environ)), world.connected():
        if count:
            batches = _move(world, count, max_moving)
            if swept:
                _end(world, count, batches)
        world.run(max(0.0, days * DAY - world.minutes))
        states = Counter(each["state"] for each in world.migrations()) if count else Counter[str]()
        virtual_days = world.minutes / DAY
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return FleetRun(count, time.perf_counter() - started, time.process_time() - cpu, virtual_days, peak, dict(states), meter)


def _move(world: World, count: int, max_moving: int) -> list[str]:
    """Submit, acknowledge, and wait until all are migrated; the batches."""
    world.load_fleet(fleet(*[instance(number) for number in range(1, count + 1)]))
    ids = [f"i-test{number:04d}" for number in range(1, count + 1)]
    risks = world.api.get("/risks")["version"]
    batches = []
    for place in range(0, count, PER_BATCH):
        policy: dict[str, Any] = {"retentionDays": 1, "maxMoving": min(max_moving, 1000)}
        body = {"instanceIds": ids[place : place + PER_BATCH], "policy": policy}
        batches.append(str(world.api.post("/batches", body)["batchId"]))
    _until(world, batches, {"ready"}, count, every=30)
    for batch in batches:
        world.api.post(f"/batches/{batch}/acknowledgement", {"risksVersion": risks})
    _until(world, batches, {"migrated"}, count, every=60)
    return batches


def _end(world: World, count: int, batches: list[str]) -> None:
    """Confirm, and wait until all snapshots are swept."""
    for batch in batches:
        _confirm(world, batch)
    _until(world, batches, {"completed"}, count, every=6 * 60)


def _confirm(world: World, batch: str) -> None:
    while migrated := world.api.get("/migrations", batchId=batch, state="migrated", limit=100)["migrations"]:
        named = [{"migrationId": each["migrationId"], "version": each["version"]} for each in migrated]
        world.api.post(f"/batches/{batch}/confirmation", {"migrations": named})


def _until(world: World, batches: list[str], wanted: set[str], count: int, *, every: float) -> None:
    """Let time pass, asking seldom: what is asked is counted too."""
    for _ in range(2000):
        world.run(every)
        found: Counter[str] = Counter()
        for batch in batches:
            found.update(world.api.get(f"/batches/{batch}")["counts"])
        if sum(found[state] for state in wanted) == count:
            return
    raise AssertionError(f"{count} instances did not all become {wanted}: {dict(found)}")
