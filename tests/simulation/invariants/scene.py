"""The facts that checkers may use, and the interface of a checker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from tests.simulation.frames import Frame
from tests.simulation.policies import Policy
from tests.simulation.records import MIGRATIONS, Batch, Migration, State
from tests.simulation.truth import Change, Effect, Happening, Truth

Found = Iterator[str]
STAGES = frozenset({"intake", "api", "precheck", "snapshot", "migrate", "watch", "validate", "rollback", "sweep"})
"""The stages that write lines in the journal. Any other author is a person."""


@dataclass
class Sight:
    """What a checker may look at. ``frame`` is the acting invocation; None if somebody outside acts."""

    truth: Truth
    account_limit: int = 20
    frame: Frame | None = None
    deleted_by_others: dict[str, int] = field(default_factory=dict)
    """By snapshot that somebody else deleted: the number of row changes before the deletion."""
    names_deleted_by_others: dict[str, int] = field(default_factory=dict)
    """The same by the snapshot's name."""
    released: set[str] = field(default_factory=set)
    """Instances that somebody else released."""
    moved: set[str] = field(default_factory=set)
    """Instances on which the product started a job."""
    pressed: set[str] = field(default_factory=set)
    """Instances on which a person started a job in the console. Its traces belong to that person."""
    stopped_jobs: set[str] = field(default_factory=set)
    """Jobs that somebody else deleted."""

    named: str = ""
    """The instance that a person names instead of a migration, during that act."""
    skew_ms: int = 60_000
    """The largest difference between the clocks of two functions."""
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """The tags of each instance at the beginning, because somebody may release the instance later."""
    names: dict[str, str] = field(default_factory=dict)
    """The name of each instance at the beginning."""
    systems: dict[str, str] = field(default_factory=dict)
    """The system's name of each instance at the beginning."""
    spots: set[str] = field(default_factory=set)
    """Spot instances, whose hour somebody else may outbid."""
    roles: dict[str, frozenset[str]] = field(default_factory=dict)
    """The roles that the deployment gives to each person; empty if everybody may do everything."""
    disturbed: list[tuple[str, str, int]] = field(default_factory=list)
    """What somebody else did to instances: the instance, the deed, and when (ms)."""
    loses_events: bool = True
    """Whether events may be lost or late. If so, nobody can be sure to learn of what they report."""
    strangers: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By instance: since when (ms) somebody else's upgrade tool runs in it, and in which start of the machine."""
    keeps_commands: bool = False
    """Whether the deployment keeps commands in the account."""
    run_role: bool = False
    """Whether text of persons has a role of its own."""
    quiet_guests: bool = False
    """Whether no fault hits guests, their agents or calls, so that a running tool is asked all the time."""
    by_hand: set[str] = field(default_factory=set)
    """Snapshots that people made."""
    protected_by_hand: list[tuple[str, bool, int]] = field(default_factory=list)
    """What people did to deletion protections: the instance, whether it is protected now, and when (ms)."""
    failed_calls: list[str] = field(default_factory=list)
    """Calls of ECS that a fault refused: the caller, the operation and its parameters."""
    all_protect: bool = True
    """Whether every version that runs knows deletion protection."""

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.truth.cloud.clock.now_ms() / 1000, timezone.utc)

    @property
    def asked(self) -> datetime:
        """When the acting invocation began, by its own clock. The invocation decides by this time."""
        return datetime.fromtimestamp(self.frame.clock_ms / 1000, timezone.utc) if self.frame else self.now

    @property
    def began(self) -> int:
        """The number of row changes before the acting invocation."""
        return self.frame.began if self.frame else self.truth.count

    def batch(self, migration: Migration) -> Batch:
        return self.truth.batches[migration.batch_id]

    def policies(self, batch_id: str) -> list[Policy]:
        """The policies that the acting invocation may have read: those in force at any time since it began."""
        return self.truth.policies_since(batch_id, self.began)


class Checker:
    """One invariant."""

    number = 0
    name = ""

    def row(self, change: Change, scene: Sight) -> Found:
        """Called when a row was written."""
        yield from ()

    def effect(self, effect: Effect, scene: Sight) -> Found:
        """Called when a call of ECS or SMC had its effect."""
        yield from ()

    def invocation(self, frame: Frame, error: dict[str, Any], scene: Sight) -> Found:
        """Called when an invocation ended with an error (its type and message)."""
        yield from ()

    def happened(self, happening: Happening, scene: Sight) -> Found:
        """Called when SMC did something to an instance."""
        yield from ()

    def forgotten(self, scene: Sight) -> Found:
        """Called when nobody has decided anything for longer than every retention. Everything has ended or waits for a person."""
        yield from ()

    def rest(self, scene: Sight) -> Found:
        """Called when everything has ended, been released and swept."""
        yield from ()


def entered(change: Change, truth: Truth) -> tuple[State | None, Migration] | None:
    """The change of state in a written row, if there is one: the state before, and the migration after."""
    if change.table != MIGRATIONS or change.after is None:
        return None
    before = change.before["state"] if change.before else None
    if before == change.after["state"]:
        return None
    return State(before) if before else None, truth.migrations[change.key[0]]
