"""Batches: what an operator decides for many instances at once, and who may move when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import Enum

from shared.domain.codec import Signed

RISKS_VERSION = "2026-11"
RISKS = (
    "The operating system of every instance in this batch is replaced in place; its services stop and restart several times.",
    "Software built for the old release, out-of-tree kernel modules and packages without a counterpart may not work afterwards.",
    "Data written after the snapshot is lost if the instance is rolled back.",
    "Snapshots of all disks are made before each hop and billed until they are swept after confirmation and retention.",
)
"""What the operator acknowledges (from the risks named on the ECS "Operating system migration" page)."""


class BatchState(Enum):
    """Where a batch stands; its migrations' states say the rest."""

    PLANNING = "planning"
    OPEN = "open"
    CLOSED = "closed"


UTC_ITSELF = Signed(0)


@dataclass(frozen=True)
class Window:
    """When migrations may start: from ``start`` to ``end`` (``HH:MM``, local to ``utc_offset_min``) on ``days`` (0 = Monday).

    A window that ends before it starts runs over midnight and belongs to the day on which it starts.
    """

    start: str
    end: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    utc_offset_min: Signed = UTC_ITSELF
    cutoff_min: int = 60
    """Nothing starts in the last minutes: a hop takes half an hour to an hour."""

    @property
    def minutes(self) -> int:
        """How long it stays open for starts: its length less the cutoff."""
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        length = (end.hour - start.hour) * 60 + end.minute - start.minute
        return length + 1440 * (length <= 0) - self.cutoff_min

    def allows(self, now: datetime) -> bool:
        """Whether a migration may start at ``now``."""
        return self.opened(now) is not None

    def opened(self, now: datetime) -> datetime | None:
        """When the window in which a migration may start at ``now`` opened; None where none is open."""
        local = now + timedelta(minutes=self.utc_offset_min)
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        for days_back in (0, 1):
            day = local.date() - timedelta(days=days_back)
            opens = datetime.combine(day, start, local.tzinfo)
            closes = datetime.combine(day, end, local.tzinfo) + timedelta(days=end <= start)
            if day.weekday() in self.days and opens <= local < closes - timedelta(minutes=self.cutoff_min):
                return opens - timedelta(minutes=self.utc_offset_min)
        return None


@dataclass(frozen=True)
class Policy:
    """The limits and choices of a batch."""

    driver: str = "smc"
    max_moving: int = 5
    """At most so many instances of the batch move at once."""
    failure_budget: int = 1
    """Admission stops once more than so many migrations of the batch have failed; those under way finish."""
    canary: int = 0
    """The first so many must be validated before the others start."""
    retention_days: int = 7
    window: Window | None = None
    allow_end_of_life: bool = False
    allow_listed: bool = False
    overrides: dict[str, str] = field(default_factory=dict)
    """Overridable findings accepted: code -> reason."""
    files: tuple[str, ...] = ()
    """Files whose content must be the same after the migration: absolute paths, told by checksum."""
    check: str = ""
    """A command run as root in the guest before and after (sh or cmd, 15 seconds); a status other than 0 is a failure."""


@dataclass(frozen=True)
class Acknowledgement:
    """Who accepted which risks, when, and that snapshots of all disks may be made."""

    operator: str
    at: datetime
    risks_version: str
    text: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """Which instances: by id, or all that run one of the releases (keys of the catalog), in the regions given."""

    regions: tuple[str, ...]
    instance_ids: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Terms:
    """What a stage has to know of its migration's batch: a few hundred bytes, however many instances the batch names."""

    batch_id: str
    state: BatchState
    version: int
    """The batch's, of which these are the terms."""
    created_at: datetime
    policy: Policy
    dry_run: bool = False
    acknowledgement: Acknowledgement | None = None


@dataclass(frozen=True)
class Batch:
    """Many migrations with one policy. ``problems`` are instances that could not even be found: [id, code, message]."""

    batch_id: str
    state: BatchState
    version: int
    created_at: datetime
    origin: str
    """``notice``, ``inventory`` or ``api``."""
    created_by: str
    selection: Selection
    policy: Policy
    destination: str = ""
    destinations: dict[str, str] = field(default_factory=dict)
    """Destination by instance id, before ``destination``."""
    dry_run: bool = False
    acknowledgement: Acknowledgement | None = None
    size: int = 0
    problems: tuple[tuple[str, str, str], ...] = ()

    @property
    def terms(self) -> Terms:
        """All of it that does not grow with the number of instances."""
        return Terms(self.batch_id, self.state, self.version, self.created_at, self.policy, self.dry_run, self.acknowledgement)


def needs_the_tick(terms: Terms) -> bool:
    """Whether the tick looks at the batch: it is being planned (and may have been interrupted), or its migrations may start."""
    return terms.state is BatchState.PLANNING or (terms.state is BatchState.OPEN and terms.acknowledgement is not None)


@dataclass(frozen=True)
class Standing:
    """What admission knows of a batch besides the batch itself: outcomes so far and slots held now."""

    failed: frozenset[str]
    moved: frozenset[str]
    """Migrations validated, noted only until the canary has passed."""
    held_by_batch: int
    held_by_account: int


def closed_because(terms: Terms, standing: Standing, *, now: datetime, account_limit: int) -> str:
    """Why nothing may be admitted now, in words; empty where something may."""
    policy = terms.policy
    if terms.dry_run:
        return "the batch is a dry run"
    if terms.acknowledgement is None:
        return "the risks are not acknowledged yet"
    if len(standing.failed) > policy.failure_budget:
        return f"{len(standing.failed)} migrations failed, the budget is {policy.failure_budget}"
    if policy.window is not None and not policy.window.allows(now):
        return "the maintenance window is closed"
    if free_slots(terms, standing, account_limit=account_limit) < 1:
        return "every slot is taken"
    return ""


def free_slots(terms: Terms, standing: Standing, *, account_limit: int) -> int:
    """How many more instances of the batch may start to move now, as far as slots and the canary go."""
    free = min(terms.policy.max_moving - standing.held_by_batch, account_limit - standing.held_by_account)
    if len(standing.moved) < terms.policy.canary:
        free = min(free, terms.policy.canary - len(standing.moved) - standing.held_by_batch)
    return max(free, 0)
