"""What checkers look at, and what a checker is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from tests.simulation.frames import Frame
from tests.simulation.records import MIGRATIONS, Batch, Migration, State
from tests.simulation.truth import Change, Effect, Happening, Truth

Found = Iterator[str]
STAGES = frozenset({"intake", "api", "precheck", "snapshot", "migrate", "watch", "validate", "rollback", "sweep"})
"""Who writes lines of a journal and is no person."""


@dataclass
class Sight:
    """What a checker may look at. ``frame`` is the invocation that acts, None for somebody outside."""

    truth: Truth
    account_limit: int = 20
    frame: Frame | None = None
    deleted_by_others: dict[str, int] = field(default_factory=dict)
    """Snapshots that somebody else deleted, and the number of row changes seen by then."""
    names_deleted_by_others: dict[str, int] = field(default_factory=dict)
    """The same by the snapshots' names."""
    released: set[str] = field(default_factory=set)
    """Instances that somebody else released."""
    moved: set[str] = field(default_factory=set)
    """Instances on which the product started a job."""
    pressed: set[str] = field(default_factory=set)
    """Instances on which a person started one in the console: its traces are that person's."""
    stopped_jobs: set[str] = field(default_factory=set)
    """Jobs that somebody else deleted."""

    named: str = ""
    """The instance that a person names in place of a migration, while that act lasts."""
    skew_ms: int = 60_000
    """How far the clocks of two functions may lie apart."""
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """The tags of each instance, as the account had them at the beginning: somebody may release the instance later."""
    names: dict[str, str] = field(default_factory=dict)
    """The name of each instance at the beginning."""
    disturbed: list[tuple[str, str, int]] = field(default_factory=list)
    """What somebody else did to instances: the instance, the deed, and when (ms)."""
    loses_events: bool = True
    """Whether events may be lost or late, so that nobody can be sure to hear of what they tell."""
    by_hand: set[str] = field(default_factory=set)
    """Snapshots that people made."""

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.truth.cloud.clock.now_ms() / 1000, timezone.utc)

    @property
    def asked(self) -> datetime:
        """What time it was, by its own clock, when the acting invocation began: the time that it decides by."""
        return datetime.fromtimestamp(self.frame.clock_ms / 1000, timezone.utc) if self.frame else self.now

    @property
    def began(self) -> int:
        """The number of row changes seen when the acting invocation began."""
        return self.frame.began if self.frame else self.truth.count

    def batch(self, migration: Migration) -> Batch:
        return self.truth.batches[migration.batch_id]


class Checker:
    """One invariant."""

    number = 0
    name = ""

    def row(self, change: Change, scene: Sight) -> Found:
        """A row was written."""
        yield from ()

    def effect(self, effect: Effect, scene: Sight) -> Found:
        """A call of ECS or SMC had its effect."""
        yield from ()

    def invocation(self, frame: Frame, error: dict[str, Any], scene: Sight) -> Found:
        """An invocation ended with an error (its type and message)."""
        yield from ()

    def happened(self, happening: Happening, scene: Sight) -> Found:
        """SMC did something to an instance."""
        yield from ()

    def rest(self, scene: Sight) -> Found:
        """Everything has ended, been released and swept."""
        yield from ()


def entered(change: Change, truth: Truth) -> tuple[State | None, Migration] | None:
    """The change of state that a written row is, if it is one: the state before, and the migration after."""
    if change.table != MIGRATIONS or change.after is None:
        return None
    before = change.before["state"] if change.before else None
    if before == change.after["state"]:
        return None
    return State(before) if before else None, truth.migrations[change.key[0]]
