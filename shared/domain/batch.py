"""Batches: an operator's decisions for many instances at once, and when each may move."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property

from shared.domain.policy import Policy

RISKS_VERSION = "2026-12.4"
RISKS = (
    "The operating system of every instance in this batch is replaced in place; its services stop and restart several times.",
    "Software built for the old release, out-of-tree kernel modules and packages without a counterpart may not work afterwards.",
    "Data written after the snapshot is lost if the instance is rolled back.",
    "A job of SMC that fails or is cancelled, and a drill, may put every disk back by itself: what was written meanwhile is lost.",
    "While a job runs, a file of one line is written in the guest, to tell whether SMC did so; it is removed at the end.",
    "If the batch has a check, it runs as root in every guest, before and after; the files it names are read. Never before this.",
    "If the batch has commands, each runs as root in the guests that it is for, before the snapshots and after the move.",
    "Snapshots of all disks are made before each hop and billed until they are swept after confirmation and retention.",
)
"""The text that the operator acknowledges; its risks come from the ECS page "Operating system migration"."""
UNASKED = (
    "If an instance fails its validation, all its disks are reset to the snapshots without asking: data written since is lost."
)
"""The sentence that a policy with ``automaticRollback`` adds."""


def risks_for_policy(policy: Policy) -> tuple[str, tuple[str, ...]]:
    """The version and the text of what is acknowledged for a batch with this policy."""
    return (f"{RISKS_VERSION}-rollback", (*RISKS, UNASKED)) if policy.automatic_rollback else (RISKS_VERSION, RISKS)


class BatchState(Enum):
    """The state of a batch; the rest follows from its migrations' states."""

    PLANNING = "planning"
    OPEN = "open"
    CLOSED = "closed"


class Brake(Enum):
    """Whether a batch starts anything new."""

    OFF = "off"
    PAUSED = "paused"
    BUDGET = "paused at budget"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Approval:
    """One person's yes to one thing."""

    about: str
    """``batch``, ``wave 2``, or ``rollback`` with the migration and the version at which its state was entered."""
    by: str
    identity: str
    """What tells two persons apart."""
    at: datetime
    trust: str
    seen: str
    """Digest of the policy and the selection that the person saw."""


@dataclass(frozen=True)
class BatchControl:
    """The last act on a running batch: who paused, resumed or stopped it.

    It has its own column, so that an earlier version leaves it alone when it writes the batch.
    """

    brake: Brake = Brake.OFF
    by: str = ""
    """The person; ``watch`` if the pipeline paused the batch."""
    at: datetime | None = None
    why: str = ""
    trust: str = ""
    door: str = ""
    wave: int = 0
    """The number of the last wave that has begun, from 0."""
    wave_ended_at: datetime | None = None
    """When the last of its migrations ended; None while the wave is under way."""
    approvals: tuple[Approval, ...] = ()
    """Those of the batch and of its next wave. The journal keeps them all."""
    asked: tuple[str, ...] = ()
    """By what is to be approved: the last event about it, so that it is published once."""
    validated_at: datetime | None = None
    """Of a closed batch: the last validation of its migrations that wait for a confirmation; None if none waits."""


UNTOUCHED = BatchControl()


@dataclass(frozen=True)
class BatchLine:
    """One line of a batch's journal: the act, the version, the person and the reason."""

    version: int
    at: datetime
    act: str
    by: str
    why: str
    trust: str = ""
    door: str = ""
    approval: Approval | None = None
    """What the line approves, if it does."""
    before: dict[str, str] = field(default_factory=dict)
    """Of a change of the policy: each field that changed, with its value before as JSON."""
    after: dict[str, str] = field(default_factory=dict)
    """The same fields with their values after it."""


@dataclass(frozen=True)
class Acknowledgement:
    """Who accepted which risks, when, and that snapshots of all disks may be made."""

    operator: str
    at: datetime
    risks_version: str
    text: tuple[str, ...]
    selection: str = ""
    """Digest of the batch's selection at that time; empty if an older version recorded it."""
    trust: str = ""
    """How the name is known (``claimed``, ``verified``); empty if an older version recorded it."""
    instances: str = ""
    """Digest of the instances at that time; empty if an older version recorded it."""
    policy: str = ""
    """Digest of the policy at that time; empty if an older version recorded it."""


@dataclass(frozen=True)
class Exclusion:
    """Which of the instances that a selection means are left out all the same; meeting one of these is enough."""

    instance_ids: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    resource_groups: tuple[str, ...] = ()
    vpcs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


NOTHING_EXCLUDED = Exclusion()


@dataclass(frozen=True)
class Selection:
    """Which instances: those in the regions given that meet every kind of criterion that is given."""

    regions: tuple[str, ...]
    instance_ids: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    """Keys of the catalog, or beginnings of keys."""
    accounts: tuple[str, ...] = ()
    """Member accounts, and an empty text for the deployment's own. If empty, only the deployment's own is meant."""
    tags: tuple[str, ...] = ()
    """``key=value``, or a key alone for any value. An instance must have all of them."""
    resource_groups: tuple[str, ...] = ()
    vpcs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Patterns of names, in which ``*`` stands for any characters."""
    exclude: Exclusion = NOTHING_EXCLUDED

    @property
    def filters(self) -> tuple[str, ...]:
        """The criteria that are neither ids nor releases."""
        return (*self.tags, *self.resource_groups, *self.vpcs, *self.names)

    @property
    def has_criteria(self) -> bool:
        """Whether it has any criterion. One that has none chooses nothing, never everything."""
        return bool(self.instance_ids or self.releases or self.filters)

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The accounts that the selection means."""
        return self.accounts or ("",)


@dataclass(frozen=True)
class BatchTerms:
    """What a stage must know about its migration's batch: a few hundred bytes, however large the batch is."""

    batch_id: str
    state: BatchState
    version: int
    """The version of the batch."""
    created_at: datetime
    policy: Policy
    dry_run: bool = False
    acknowledgement: Acknowledgement | None = None
    accounts: tuple[str, ...] = ()
    """The member accounts of the selection."""
    control: BatchControl = UNTOUCHED
    size: int = 0
    """Number of instances, once the batch is planned; 0 if an earlier version wrote the row."""

    @property
    def failure_budget(self) -> int:
        """How many migrations may fail before the batch pauses."""
        percent = self.policy.failure_percent
        return self.policy.failure_budget if percent is None else self.size * percent // 100

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The accounts that its migrations may belong to."""
        return self.accounts or ("",)


class Waves(list[tuple[str, ...]]):
    """The migrations of each wave, with the wave of each migration. Fixed by the acknowledgement."""

    pages = 0
    """How many pages of places they were made from, while they are not written yet."""

    @cached_property
    def wave_numbers(self) -> dict[str, int]:
        """The number of each migration's wave, made once: a batch of ten thousand asks for each of them."""
        return {id: place for place, ids in enumerate(self) for id in ids}

    def wave_number(self, migration_id: str) -> int:
        """The number of a migration's wave. A migration that was in no wave at the acknowledgement moves with the last."""
        return self.wave_numbers.get(migration_id, max(len(self) - 1, 0))


Problem = tuple[str, str, str]
"""An instance or region without a migration, the error code, and a sentence with what to do."""


@dataclass(frozen=True)
class LeftOutInstance:
    """An instance that the selection might be taken to mean, and why it has no migration."""

    instance_id: str
    code: str
    message: str
    region_id: str = ""
    name: str = ""
    account_id: str = ""
    """The member account; empty for the deployment's own."""


@dataclass(frozen=True)
class Batch:
    """Many migrations with one policy. ``problems`` are instances that were not found: [id, code, message]."""

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
    """Destination by instance id; it takes precedence over ``destination``."""
    dry_run: bool = False
    acknowledgement: Acknowledgement | None = None
    size: int = 0
    problems: tuple[Problem, ...] = ()
    control: BatchControl = UNTOUCHED
    digest: str = ""
    """Digest of the instances that were chosen; empty during planning, and if an older version planned the batch."""
    left_out: int = 0
    """Number of instances that were left out."""

    @property
    def terms(self) -> BatchTerms:
        """The part of the batch that does not grow with the number of instances."""
        same = (self.batch_id, self.state, self.version, self.created_at, self.policy, self.dry_run, self.acknowledgement)
        return BatchTerms(*same, self.selection.accounts, self.control, self.size)


@dataclass(frozen=True)
class SubmittedTerms:
    """A batch's policy and accounts in a column of their own: an older version would drop the fields that it does not know."""

    policy: Policy
    accounts: tuple[str, ...] = ()


def awaits_confirmation(terms: BatchTerms) -> bool:
    """Whether nothing moves in the batch any more, and migrations of it wait for a person's confirmation."""
    return terms.state is BatchState.CLOSED and terms.control.validated_at is not None


def ready_to_confirm_at(terms: BatchTerms) -> datetime | None:
    """From when all migrations of the batch have been clean for long enough to confirm them; None if none waits for it."""
    if terms.state is not BatchState.CLOSED or terms.control.validated_at is None:
        return None
    return terms.control.validated_at + timedelta(days=terms.policy.confirm_after_days)


def needs_tick(terms: BatchTerms) -> bool:
    """Whether the tick must look at the batch: planning may have been interrupted, or migrations may start or be cancelled."""
    if terms.state is not BatchState.OPEN:
        return terms.state is BatchState.PLANNING
    return terms.acknowledgement is not None or terms.control.brake is Brake.STOPPED
