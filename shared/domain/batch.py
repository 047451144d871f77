"""Batches: many migrations with one policy, one selection and one acknowledgement of the risks."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property

from shared.domain.policy import Policy
from shared.domain.record import dataclass

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
"""The risks that an operator acknowledges for a batch. Some risks come from the ECS page "Operating system migration"."""
AUTOMATIC_ROLLBACK_RISK = (
    "If an instance fails its validation, all its disks are reset to the snapshots without asking: data written since is lost."
)
"""The sentence that a policy with ``automaticRollback`` adds to the risks."""


def risks_for_policy(policy: Policy) -> tuple[str, tuple[str, ...]]:
    """The version and the text of the risks that a person acknowledges for a batch with this policy."""
    return (f"{RISKS_VERSION}-rollback", (*RISKS, AUTOMATIC_ROLLBACK_RISK)) if policy.automatic_rollback else (RISKS_VERSION, RISKS)


class BatchState(Enum):
    """The stored state of a batch. All other facts about the batch's progress come from the states of its migrations and from its
    ``BatchProgress``.
    """

    PLANNING = "planning"
    OPEN = "open"
    CLOSED = "closed"


class PauseState(Enum):
    """Whether a batch starts new migrations, and the reason if the batch starts none."""

    OFF = "off"
    PAUSED = "paused"
    BUDGET = "paused at budget"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Approval:
    """One person's approval of a batch, a wave or a rollback."""

    about: str
    """The subject of the approval: ``batch``, ``wave 2``, or ``rollback`` with the migration's id and the row version at which the
    migration entered its state.
    """
    by: str
    identity: str
    """The identity of the approver, in the form that ``Caller.identity`` returns."""
    at: datetime
    trust: str
    seen: str
    """Digest of the policy and the selection that the approver saw."""


@dataclass(frozen=True)
class BatchProgress:
    """What has happened to a running batch: the last pause, resumption or stop, and the state of the waves and approvals.

    The batch's row has a separate column for ``BatchProgress``. Earlier versions of Replank leave this column unchanged when they
    write the batch.
    """

    brake: PauseState = PauseState.OFF
    by: str = ""
    """The name of the person who acted last; ``watch`` if the pipeline itself acted."""
    at: datetime | None = None
    why: str = ""
    trust: str = ""
    door: str = ""
    wave: int = 0
    """The number of the last wave that has begun, counted from 0."""
    wave_ended_at: datetime | None = None
    """The time at which the last migration of the open wave ended; None while the wave runs."""
    approvals: tuple[Approval, ...] = ()
    """The approvals of the batch and of its next wave. The batch's journal keeps all approvals."""
    asked: tuple[str, ...] = ()
    """For each subject of approvals, such as ``wave 2``, the last event that was published. The pipeline compares new events with
    the published events, so that each event is published only once.
    """
    validated_at: datetime | None = None
    """The time at which the last unconfirmed migration of a closed batch passed its validation; None if no migration waits for a
    confirmation.
    """


UNTOUCHED = BatchProgress()
BY_A_PERSON = "api"
"""The origin of a batch that a person submitted."""


@dataclass(frozen=True)
class BatchJournalEntry:
    """One line of a batch's journal: the act, the batch's version after the act, the person and the reason."""

    version: int
    at: datetime
    act: str
    by: str
    why: str
    trust: str = ""
    door: str = ""
    approval: Approval | None = None
    """The approval that the line records; None for any other act."""
    before: dict[str, str] = field(default_factory=dict)
    """For each field of the policy that the act changed, the old value as JSON."""
    after: dict[str, str] = field(default_factory=dict)
    """For each field of the policy that the act changed, the new value as JSON."""


@dataclass(frozen=True)
class Acknowledgement:
    """A person's acceptance of a batch's risks, and of snapshots of all disks."""

    operator: str
    at: datetime
    risks_version: str
    text: tuple[str, ...]
    selection: str = ""
    """Digest of the batch's selection at the acknowledgement; empty if an older version of Replank recorded the acknowledgement."""
    trust: str = ""
    """How the person's name was verified (``claimed`` or ``verified``); empty if an older version of Replank recorded the
    acknowledgement.
    """
    instances: str = ""
    """Digest of the batch's instances at the acknowledgement; empty if an older version of Replank recorded the acknowledgement."""
    policy: str = ""
    """Digest of the batch's policy and selection at the acknowledgement; empty if an older version of Replank recorded the
    acknowledgement.
    """


@dataclass(frozen=True)
class Exclusion:
    """The criteria by which a selection excludes instances. An instance is excluded if it meets at least one of the criteria."""

    instance_ids: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    resource_groups: tuple[str, ...] = ()
    vpcs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


NOTHING_EXCLUDED = Exclusion()


@dataclass(frozen=True)
class Selection:
    """The criteria that select a batch's instances. An instance is selected if it is in one of the regions and meets all other
    criteria that are given.
    """

    regions: tuple[str, ...]
    instance_ids: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    """Release keys of the catalog, or prefixes of release keys."""
    accounts: tuple[str, ...] = ()
    """Ids of member accounts; an empty string stands for the deployment's own account. An empty list selects only the deployment's
    own account.
    """
    tags: tuple[str, ...] = ()
    """Tags that each instance must have. A tag is ``key=value``, or a key alone, which matches any value."""
    resource_groups: tuple[str, ...] = ()
    vpcs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Patterns for the names of instances, in which ``*`` matches any characters."""
    exclude: Exclusion = NOTHING_EXCLUDED

    @property
    def attribute_criteria(self) -> tuple[str, ...]:
        """The selection's tags, resource groups, VPCs and name patterns, in one tuple."""
        return (*self.tags, *self.resource_groups, *self.vpcs, *self.names)

    @property
    def has_criteria(self) -> bool:
        """Whether the selection has criteria other than regions and accounts. A selection by regions and accounts alone selects no
        instance.
        """
        return bool(self.instance_ids or self.releases or self.attribute_criteria)

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The ids of the accounts in the selection; an empty string stands for the deployment's own account."""
        return self.accounts or ("",)


@dataclass(frozen=True)
class BatchSummary:
    """The facts about a batch that most stages need. The summary does not contain the lists of instances, so its size does not
    depend on the number of instances.
    """

    batch_id: str
    state: BatchState
    version: int
    """The version of the batch's row, which grows by one with each change."""
    created_at: datetime
    policy: Policy
    dry_run: bool = False
    acknowledgement: Acknowledgement | None = None
    accounts: tuple[str, ...] = ()
    """The ids of the accounts that the batch's selection names."""
    control: BatchProgress = UNTOUCHED
    size: int = 0
    """Number of instances in the planned batch; 0 if an older version of Replank wrote the batch's row."""

    @property
    def failure_budget(self) -> int:
        """The number of migrations that may fail before the batch pauses."""
        percent = self.policy.failure_percent
        return self.policy.failure_budget if percent is None else self.size * percent // 100

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The ids of the accounts in which the batch has migrations; an empty string stands for the deployment's own account."""
        return self.accounts or ("",)


class Waves(list[tuple[str, ...]]):
    """The ids of the migrations of each wave, in order. The acknowledgement of the batch makes the waves final."""

    pages = 0
    """The number of stored pages that contain the order of the migrations. The pages are deleted when the waves are stored."""

    @cached_property
    def wave_by_migration(self) -> dict[str, int]:
        """For each migration, the number of its wave, counted from 0. The result is computed only once, because a batch may have
        thousands of migrations.
        """
        return {id: place for place, ids in enumerate(self) for id in ids}

    @cached_property
    def position_by_migration(self) -> dict[str, int]:
        """For each migration, its position in the order of the whole batch, counted from 0."""
        return {id: place for place, id in enumerate(id for ids in self for id in ids)}

    def wave_number(self, migration_id: str) -> int:
        """The number of a migration's wave, counted from 0. A migration that was in no wave at the acknowledgement moves with the
        last wave.
        """
        return self.wave_by_migration.get(migration_id, max(len(self) - 1, 0))


Problem = tuple[str, str, str]
"""An instance or region for which no migration was made: its id, the error code, and a sentence with the remedy."""


@dataclass(frozen=True)
class LeftOutInstance:
    """An instance that the selection seems to include, and the reason why no migration was made for the instance."""

    instance_id: str
    code: str
    message: str
    region_id: str = ""
    name: str = ""
    account_id: str = ""
    """The id of the instance's member account; empty for the deployment's own account."""


@dataclass(frozen=True)
class Batch:
    """Many migrations with one policy. The field ``problems`` lists the instances and regions for which no migration was made, each
    with the reason.
    """

    batch_id: str
    state: BatchState
    version: int
    created_at: datetime
    origin: str
    """Where the batch came from: ``notice``, ``inventory`` or ``api``."""
    created_by: str
    selection: Selection
    policy: Policy
    destination: str = ""
    destinations: dict[str, str] = field(default_factory=dict)
    """The destinations of the instances that do not move to the batch's ``destination``, with the instance ids as keys."""
    dry_run: bool = False
    acknowledgement: Acknowledgement | None = None
    size: int = 0
    problems: tuple[Problem, ...] = ()
    control: BatchProgress = UNTOUCHED
    digest: str = ""
    """Digest of the selected instances; empty during planning, or if an older version of Replank planned the batch."""
    left_out: int = 0
    """Number of instances that the selection left out during planning."""

    @cached_property
    def summary(self) -> BatchSummary:
        """The facts about the batch that most stages need."""
        same = (self.batch_id, self.state, self.version, self.created_at, self.policy, self.dry_run, self.acknowledgement)
        return BatchSummary(*same, self.selection.accounts, self.control, self.size)


@dataclass(frozen=True)
class SubmittedPolicyAndAccounts:
    """The policy and the accounts with which a batch was submitted, stored in a separate column of the batch's row. An older
    version of Replank drops unknown fields from the other columns, but leaves this column unchanged.
    """

    policy: Policy
    accounts: tuple[str, ...] = ()


def awaits_confirmation(summary: BatchSummary) -> bool:
    """Whether all migrations of the batch have ended and some wait for a person's confirmation."""
    return summary.state is BatchState.CLOSED and summary.control.validated_at is not None


def ready_to_confirm_at(summary: BatchSummary) -> datetime | None:
    """The time from which all unconfirmed migrations of the batch may be confirmed; None if no migration waits for confirmation."""
    if summary.state is not BatchState.CLOSED or summary.control.validated_at is None:
        return None
    return summary.control.validated_at + timedelta(days=summary.policy.confirm_after_days)


def needs_tick(summary: BatchSummary) -> bool:
    """Whether the tick has work to do on the batch. The result is true if planning may have been interrupted, or if migrations may
    start or be cancelled.
    """
    if summary.state is not BatchState.OPEN:
        return summary.state is BatchState.PLANNING
    return summary.acknowledgement is not None or summary.control.brake is PauseState.STOPPED
