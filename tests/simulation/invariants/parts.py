"""Invariant 7: in each region and in each wave, no more instances of a batch move at once than its policy allows."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from tests.simulation import records
from tests.simulation.invariants.scene import Checker, Found, Sight
from tests.simulation.policies import Policy
from tests.simulation.records import LOCKS, SLOTS, Columns, Migration
from tests.simulation.truth import Change, Effect, Truth

STARTS = ("CreateSnapshot", "StartReplicationJob")
GIVEN_UP = timedelta(hours=6)
"""After this time a job without an end fails its migration, which then no longer counts (docs/architecture.md)."""


def wave_of(migration: Migration, truth: Truth) -> int:
    """The number of the migration's wave, from 0. A migration without a wave moves with the last one."""
    places, last = records.wave_places(truth.batch_rows[migration.batch_id])
    return places.get(migration.migration_id, last)


class PartsLimited(Checker):
    """7. In each region and in each wave, no more instances of a batch move at once than its policy allows."""

    number, name = 7, "regions and waves"

    def row(self, change: Change, scene: Sight) -> Found:
        """Check every slot when it is taken, together with all holders at that moment."""
        if change.table != LOCKS or change.key[0] != SLOTS:
            return
        truth, held = scene.truth, scene.truth.slots()
        for id in sorted(set(held) - set(_holders(change.before))):
            mates = [truth.migrations[each] for each, batch_id in held.items() if batch_id == held[id]]
            yield from _crowded([truth.migrations[id]], mates, scene.policies(held[id]), truth, "hold a slot")

    def effect(self, effect: Effect, scene: Sight) -> Found:
        """Check the account's own list of running jobs at every start, because the rows may be wrong."""
        if effect.operation not in STARTS or not effect.ours:
            return
        truth = scene.truth
        oldest = scene.asked - GIVEN_UP + timedelta(milliseconds=scene.skew_ms)
        running = [truth.of_job(job["JobId"]) for job in truth.jobs() if job["Status"] == "Running" and _started_at(job) > oldest]
        found = {each.migration_id: each for each in running if each is not None and each.driver != "console"}
        for batch_id in sorted({each.batch_id for each in found.values()}):
            mates = [each for each in found.values() if each.batch_id == batch_id]
            # who began under an earlier policy goes on under a tighter one
            since = min(truth.moving_since(each.migration_id) for each in mates)
            yield from _crowded(mates, mates, truth.policies_since(batch_id, since), truth, "have a job that runs")


def _started_at(job: dict[str, Any]) -> datetime:
    started = records.moment(job["StartTime"])
    assert started is not None, job
    return started


def _holders(row: Columns | None) -> list[str]:
    return [name[len(records.HELD) :] for name in row or {} if name.startswith(records.HELD)]


def _crowded(judged: list[Migration], mates: list[Migration], policies: list[Policy], truth: Truth, what: str) -> Found:
    """Whoever is judged, beside all its mates, itself among them. All are of one batch. The widest limit of the policies counts."""
    per_region = _widest([each.per_region for each in policies])
    per_wave = _widest([each.per_wave for each in policies])
    there = Counter(_region(each, truth) for each in mates) if per_region is not None else Counter[str]()
    at_once = Counter(wave_of(each, truth) for each in mates) if per_wave is not None else Counter[int]()
    for migration in judged:
        count = there[_region(migration, truth)] if per_region is not None else 0
        if per_region is not None and count > per_region:
            limit = f"its limit for a region is {per_region}"
            yield f"{count} of {migration.batch_id} {what} in {migration.region_id}, {limit}"
        wave = wave_of(migration, truth)
        if per_wave is not None and at_once[wave] > per_wave:
            limit = f"its limit for a wave is {per_wave}"
            yield f"{at_once[wave]} of wave {wave + 1} of {migration.batch_id} {what}, {limit}"


def _widest(limits: list[int | None]) -> int | None:
    """The largest of the limits; None if one of them is no limit."""
    return None if None in limits else max(each for each in limits if each is not None)


def _region(migration: Migration, truth: Truth) -> str:
    """The region of the instance by the account's data; by the row if the instance was released."""
    found = truth.ecs.store.get("instance", migration.instance_id) or {}
    return str(found.get("RegionId", migration.region_id))
