"""Checks an act against the version that the person saw, so that nobody acts on outdated information.

An act names the version of the migration that the person saw. Progress within a state also changes the version, but must not cause
a refusal. An act is valid until the migration leaves the state that the person saw.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.acts import REASONS
from shared.domain.batch import Batch, PauseState
from shared.domain.errors import Refused
from shared.domain.migration import JournalEntry, Migration


def is_state_unchanged_since(migration: Migration, seen: int) -> bool:
    """Whether the migration is still in the state that it had when the person saw it, at the version ``seen``."""
    return migration.entered_version <= seen <= migration.version


def is_act_done(act: str, operator: str, seen: int, journal: Sequence[JournalEntry]) -> bool:
    """Whether the operator has already carried out the act, so that a repeated request for the act can succeed.

    The result is true if the first change after the version ``seen`` is this act by this operator. If nothing has changed since the
    version ``seen``, the last change before this version is compared with the act.
    """
    changes = [entry for entry in journal if entry.from_state is not entry.to_state or entry.reason == REASONS["confirmation"]]
    later = [entry for entry in changes if entry.version > seen]
    decisive = later[0] if later else changes[-1]
    return decisive.by == operator and decisive.reason.startswith(REASONS[act])


def migration_changed_refusal(migration: Migration, seen: int, journal: Sequence[JournalEntry]) -> Refused:
    """The refusal of an act on a migration that has changed: the present state, the author of the change, and its time."""
    last = next(entry for entry in reversed(journal) if entry.from_state is not entry.to_state)
    return Refused(
        "Migration.Moved",
        f"Migration {migration.migration_id} has changed since you saw it (version {seen}). Now the migration is "
        f"{migration.state.value} at version "
        f"{migration.version}: moved by {last.by} at {last.at:%Y-%m-%d %H:%M:%S} UTC ({last.reason}).",
        f"Look at the migration again (replank show {migration.migration_id}). If the act still makes sense, repeat it with "
        "the new version.",
        status=412,
    )


def batch_changed_refusal(batch: Batch, seen: int) -> Refused:
    """The refusal of an act on a batch that has changed: the present state, the person who acknowledged, and the last act."""
    given = batch.acknowledgement
    by = f" {given.operator} acknowledged it at {given.at:%Y-%m-%d %H:%M:%S} UTC." if given else ""
    if batch.control.at is not None:
        what = "resumed" if batch.control.brake is PauseState.OFF else batch.control.brake.value
        by += f" It is {what} by {batch.control.by} since {batch.control.at:%Y-%m-%d %H:%M:%S} UTC."
    return Refused(
        "Batch.Moved",
        f"Batch {batch.batch_id} has changed since you saw it (version {seen}). Now the batch is {batch.state.value} at "
        f"version {batch.version}.{by}",
        f"Look at the batch again (replank status {batch.batch_id}). If the act still makes sense, repeat it with the new version.",
        status=412,
    )
