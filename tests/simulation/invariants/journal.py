"""Invariant 6: the journal is true and complete."""

from __future__ import annotations

from typing import Any

from tests.simulation import records
from tests.simulation.invariants.scene import Checker, Found, Sight
from tests.simulation.records import JOURNAL, MIGRATIONS, TRANSITIONS, State, numbered, replayed
from tests.simulation.truth import Change


class JournalIsTheTruth(Checker):
    """6. The journal is a complete and ordered path through the state machine. Replaying it gives the row's state."""

    number, name = 6, "journal"

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table != MIGRATIONS:
            return
        id, before, after = change.key[0], change.before, change.after
        if after is None:
            yield f"the row of {id} was deleted"
            return
        old = _journal(before)
        new = _journal(after)
        if {name: new.get(name) for name in old} != old:
            yield f"{id}: a line of the journal was changed"
        version = (before or {}).get("version", 0)
        added = sorted(set(new) - set(old))
        if after["version"] == version:
            if added or (before and before["doc"] != after["doc"]):
                yield f"{id}: changed without a step"
        elif added != [numbered(JOURNAL, version + 1)] or after["version"] != version + 1:
            yield f"{id}: version {version} -> {after['version']} with the lines {added}"
        else:
            yield from self._line(id, before, after, new[added[0]])

    @staticmethod
    def _line(id: str, before: dict[str, Any] | None, after: dict[str, Any], written: str) -> Found:
        line = records.line(written)
        known = State(before["state"]) if before else None
        if line.from_state is not known or line.to_state.value != after["state"]:
            yield f"{id}: the line says {line.from_state} -> {line.to_state}, the row {known} -> {after['state']}"
        if line.to_state not in TRANSITIONS[known]:
            yield f"{id}: {known} -> {line.to_state} is no transition"

    def rest(self, scene: Sight) -> Found:
        for id, row in scene.truth.rows.items():
            try:
                state = replayed(records.lines(row))
            except ValueError as error:
                yield f"{id}: {error}"
                continue
            if state is None or state.value != row["state"]:
                yield f"{id}: the journal leads to {state}, the row says {row['state']}"


def _journal(row: dict[str, Any] | None) -> dict[str, str]:
    return {name: value for name, value in (row or {}).items() if name.startswith(JOURNAL)}
