"""Runs one fleet's whole life on the local cloud and measures it: submitted, acknowledged, moved, confirmed, swept."""

from __future__ import annotations

import resource
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.meter import Meter
from tools.deployed.product import DeployedProduct

DAY = 24 * 60
PER_BATCH = 1000
"""The maximum number of instances in a batch."""


@dataclass
class FleetRun:
    """The figures of a fleet's life."""

    instances: int
    wall_s: float
    cpu_s: float
    """The CPU time of this process, without the guests' shells."""
    virtual_days: float
    peak_mib: float
    states: dict[str, int]
    meter: Meter = field(repr=False)


def instance_id(number: int) -> str:
    """The id of the instance with this number."""
    return f"i-test{number:04d}"


def document(count: int) -> dict[str, Any]:
    """A fleet of ``count`` instances with CentOS 7, as DescribeInstances shows them."""
    shown = {"RegionId": "cn-hangzhou", "OSName": "CentOS  7.9 64位", "OSNameEn": "CentOS  7.9 64 bit", "OSType": "linux"}
    size = {"Status": "Running", "Cpu": 4, "Memory": 8192}
    instances = [
        {"InstanceId": instance_id(number), "InstanceName": f"web-{number}", "HostName": f"web-{number}", **shown, **size}
        for number in range(1, count + 1)
    ]
    page = {"Instances": {"Instance": instances}, "TotalCount": count, "RequestId": "bench", "NextToken": ""}
    return {"pages": [page], "guests": {}, "faults": {}}


def live(
    count: int, *, max_moving: int, days: float = 0, swept: bool = True, seed: int = 1, meter: Meter | None = None
) -> FleetRun:
    """Run a fleet of ``count`` instances until its snapshots are swept, or only until it is migrated. With 0 instances, run
    an idle account for ``days``.
    """
    meter, started, cpu = meter or Meter(), time.perf_counter(), time.process_time()
    env = {"REPLANK_MAX_MOVING": str(max_moving), "REPLANK_LOG_LEVEL": "ERROR"}
    product = DeployedProduct(seed=seed, invoker=meter.invoker(), around=meter.around, env=env)
    with product.connected():
        meter.begin(product)
        if count:
            batches = _move(product, count, max_moving)
            if swept:
                _end(product, count, batches)
        product.run(max(0.0, days * DAY - product.minutes))
        states = Counter(each["state"] for each in product.migrations()) if count else Counter[str]()
        virtual_days = product.minutes / DAY
        meter.end(product)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return FleetRun(count, time.perf_counter() - started, time.process_time() - cpu, virtual_days, peak, dict(states), meter)


def _move(product: DeployedProduct, count: int, max_moving: int) -> list[str]:
    """Submit, acknowledge, and wait until all are migrated. Returns the batches."""
    product.load_fleet(document(count))
    ids = [instance_id(number) for number in range(1, count + 1)]
    risks = product.api.get("/risks")["version"]
    batches = []
    for place in range(0, count, PER_BATCH):
        policy: dict[str, Any] = {"retentionDays": 1, "maxMoving": min(max_moving, 1000)}
        body = {"instanceIds": ids[place : place + PER_BATCH], "policy": policy}
        batches.append(str(product.api.post("/batches", body)["batchId"]))
    _until(product, batches, {"ready"}, count, every=30)
    for batch in batches:
        seen = product.api.get(f"/batches/{batch}")["version"]
        product.api.post(f"/batches/{batch}/acknowledgement", {"risksVersion": risks}, seen=seen)
    _until(product, batches, {"migrated"}, count, every=60)
    return batches


def _end(product: DeployedProduct, count: int, batches: list[str]) -> None:
    """Confirm, and wait until all snapshots are swept."""
    for batch in batches:
        _confirm(product, batch)
    _until(product, batches, {"completed"}, count, every=6 * 60)


def _confirm(product: DeployedProduct, batch: str) -> None:
    while migrated := product.api.get("/migrations", batchId=batch, state="migrated", limit=100)["migrations"]:
        named = [{"migrationId": each["migrationId"], "version": each["version"]} for each in migrated]
        product.api.post(f"/batches/{batch}/confirmation", {"migrations": named})


def _until(product: DeployedProduct, batches: list[str], wanted: set[str], count: int, *, every: float) -> None:
    """Let time pass. The condition is checked rarely, because its calls are counted too."""
    for _ in range(2000):
        product.run(every)
        found: Counter[str] = Counter()
        for batch in batches:
            found.update(product.api.get(f"/batches/{batch}")["counts"])
        if sum(found[state] for state in wanted) == count:
            return
    raise AssertionError(f"{count} instances did not all become {wanted}: {dict(found)}")
