"""Invariant 10, after a job that moved nothing: what the row says of SMC and the disks is what SMC really did."""

from __future__ import annotations

import json

from tests.simulation.invariants.scene import Checker, Found, Sight
from tests.simulation.records import MIGRATIONS, Columns
from tests.simulation.truth import Change, Effect, Happening

BACK, KEPT = "SMC rolled back", "not rolled back"


class SmcIsToldTruly(Checker):
    """10. ``SMC rolled back`` and ``not rolled back`` are true of the disks. Without proof the row says ``not known``."""

    number, name = 10, "what SMC did is told"

    def __init__(self) -> None:
        self._back: dict[str, int] = {}
        """By instance: the row change at which SMC last put its disks back."""
        self._started: dict[str, int] = {}
        """By instance: the row change at which its last job began, whoever started that job."""

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if effect.operation == "StartReplicationJob":
            job = scene.truth.smc.jobs.get(effect.params["JobId"])
            self._started[job["sim"]["instance_id"]] = scene.truth.count
        yield from ()

    def happened(self, happening: Happening, scene: Sight) -> Found:
        if happening.kind == "back":
            self._back[happening.instance_id] = scene.truth.count
        yield from ()

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table != MIGRATIONS or change.after is None:
            return
        migration = scene.truth.migrations[change.key[0]]
        told = _told(change.after)
        if told == _told(change.before) or told not in (BACK, KEPT):
            return
        is_back = self._back.get(migration.instance_id, -1) >= self._started.get(migration.instance_id, 0)
        if is_back != (told == BACK):
            did = "put them back" if is_back else "has not put them back"
            yield f"{migration.migration_id} says of the disks after its job: {told}; SMC {did}"


def _told(row: Columns | None) -> str:
    return (json.loads(row["doc"]).get("trace") or {}).get("found") or "" if row else ""
