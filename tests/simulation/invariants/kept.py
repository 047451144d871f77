"""Invariant 12: a snapshot is deleted only after a person has released it and its retention has passed."""

from __future__ import annotations

from tests.simulation.invariants.scene import STAGES, Checker, Found, Sight
from tests.simulation.records import MIGRATIONS, SMC_PREFIX, lines
from tests.simulation.truth import Change, Effect, Happening

DAY_MS = 24 * 60 * 60_000


class KeptUntilReleased(Checker):
    """12. Time alone never releases a snapshot. A snapshot that somebody else made is never deleted, whatever its name.

    The calls, and SMC's own work in the account, show who made a snapshot. The API invocation that wrote a person's act shows who
    released it. This checker trusts neither the ledger nor the dates in the row.
    """

    number, name = 12, "kept until released"

    def __init__(self) -> None:
        self._made: dict[str, str] = {}
        """By snapshot: the migration whose call made it."""
        self._copied: dict[str, str] = {}
        """By snapshot that SMC made: its instance."""
        self._released: dict[str, int] = {}
        """By migration: when (ms) a person's act released it."""
        self._days: dict[str, int] = {}
        """By migration: the days of retention when it was released. A later policy changes nothing for it."""

    def row(self, change: Change, scene: Sight) -> Found:
        by_api = scene.frame is not None and scene.frame.function == "api"
        if change.table != MIGRATIONS or change.after is None:
            return
        id = change.key[0]
        migration = scene.truth.migrations[id]
        if migration.released_at is not None and id not in self._released:
            by = lines(change.after)[-1].by
            if not by_api or by in STAGES:
                yield f"{id} was released by {by}, which is no person"
            else:
                self._released[id] = scene.truth.cloud.clock.now_ms()
                self._days[id] = min(each.retention_days for each in scene.policies(migration.batch_id))

    def happened(self, happening: Happening, scene: Sight) -> Found:
        if happening.kind == "copied":
            self._copied.update(dict.fromkeys(happening.ids, happening.instance_id))
        yield from ()

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if effect.ours and effect.operation == "CreateSnapshot":
            self._made[effect.answer["SnapshotId"]] = effect.params["SnapshotName"].split("-")[1]
        if effect.ours and effect.operation == "DeleteSnapshot" and effect.before is not None:
            id, named = effect.params["SnapshotId"], effect.before["SnapshotName"]
            if id not in self._made and id not in self._copied:
                yield f"snapshot {id} ({named}) was made by somebody else, and was deleted"
            elif id in self._copied and not named.startswith(SMC_PREFIX):
                yield f"snapshot {id} ({named}) bears no name of SMC's, and was deleted"
            else:
                yield from self._too_early(id, named, scene)

    def _too_early(self, id: str, named: str, scene: Sight) -> Found:
        """One of the migrations that the snapshot may belong to must have been released, and the retention of its batch must
        have passed.
        """
        truth, now = scene.truth, scene.truth.cloud.clock.now_ms()
        own = [self._made[id]] if id in self._made else [each.migration_id for each in truth.of_instance(self._copied[id])]
        released = [each for each in own if each in self._released]
        if not released:
            yield f"snapshot {id} ({named}) was deleted, and no person has released {', '.join(own) or 'it'}"
        elif not any(now + scene.skew_ms >= self._released[each] + self._days[each] * DAY_MS for each in released):
            yield f"snapshot {id} ({named}) was deleted before its retention had passed"
