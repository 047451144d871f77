"""Invariant 5, for the acts of others: if an instance is stopped or released during its migration, the journal says so."""

from __future__ import annotations

from tests.simulation.invariants.scene import Checker, Found, Sight
from tests.simulation.records import JOURNAL, MIGRATIONS, MOVING, State, line, lines, numbered
from tests.simulation.truth import Change

HEARD_MS = 4 * 60_000
"""An event arrives within this time (ms) unless it is lost. Stopping alone takes up to 40 seconds."""
WORD = "somebody else"
QUIET = frozenset({State.SNAPSHOTTING, State.VALIDATING})
"""States in which no job stops the instance."""
MUST_BE_TOLD = frozenset({"stopped", "released"})
"""The deeds that must be in the journal. A restart may be the job's own, and a snapshot may be SMC's."""


class DisturbancesNoticed(Checker):
    """5. No fault goes unnoticed: if somebody stops or releases an instance during its migration, the journal says so."""

    number, name = 5, "disturbances noticed"

    def row(self, change: Change, scene: Sight) -> Found:
        """Check that the journal reports only what somebody really did."""
        if change.table != MIGRATIONS or change.after is None:
            return
        name = numbered(JOURNAL, change.after["version"])
        if name in (change.before or {}) or not line(change.after[name]).reason.startswith(f"{WORD} "):
            return
        said, instance_id = line(change.after[name]).reason, scene.truth.migrations[change.key[0]].instance_id
        if "made snapshot" in said:
            if said.split()[4] not in scene.by_hand:
                yield f"{change.key[0]} says that {said}, and nobody did"
        elif instance_id not in {each for each, _, _ in scene.disturbed}:
            yield f"{change.key[0]} says that {said}, and nobody did anything to {instance_id}"

    def rest(self, scene: Sight) -> Found:
        if scene.loses_events:
            return
        for instance_id, deed, at_ms in scene.disturbed:
            for migration in scene.truth.of_instance(instance_id):
                state = _all_the_while(scene, migration.migration_id, at_ms)
                journal = lines(scene.truth.rows[migration.migration_id])
                told = [each for each in journal if WORD in each.reason and each.at.timestamp() * 1000 >= at_ms - scene.skew_ms]
                if deed in MUST_BE_TOLD and state in (QUIET if deed == "stopped" else MOVING) and not told:
                    yield f"{instance_id} was {deed} while {migration.migration_id} was {state.value}: its journal does not say so"


def _all_the_while(scene: Sight, migration_id: str, at_ms: int) -> State | None:
    """The state of the migration, if it did not change until the event must have arrived; else None."""
    past = scene.truth.past[migration_id]
    before = [state for _, ms, state in past if ms <= at_ms]
    moved_on = any(at_ms < ms <= at_ms + HEARD_MS for _, ms, _ in past)
    return before[-1] if before and not moved_on else None
