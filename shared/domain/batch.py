"""Batches: what an operator decides for many instances at once, and who may move when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from shared.domain.policy import Policy

RISKS_VERSION = "2026-12.3"
RISKS = (
    "The operating system of every instance in this batch is replaced in place; its services stop and restart several times.",
    "Software built for the old release, out-of-tree kernel modules and packages without a counterpart may not work afterwards.",
    "Data written after the snapshot is lost if the instance is rolled back.",
    "A job of SMC that fails or is cancelled, and a drill, may put every disk back by itself: what was written meanwhile is lost.",
    "While a job runs, a file of one line is written in the guest, to tell whether SMC did so; it is removed at the end.",
    "If the batch has a check, it runs as root in every guest, before and after; the files it names are read. Never before this.",
    "Snapshots of all disks are made before each hop and billed until they are swept after confirmation and retention.",
)
"""What the operator acknowledges (from the risks named on the ECS "Operating system migration" page)."""


class BatchState(Enum):
    """Where a batch stands; its migrations' states say the rest."""

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
class BatchControl:
    """The last act on a running batch: who paused, resumed or stopped it.

    It has a column of its own, so that an earlier version that writes the batch leaves it as it is.
    """

    brake: Brake = Brake.OFF
    by: str = ""
    """The person; ``watch`` if the batch has paused by itself."""
    at: datetime | None = None
    why: str = ""
    trust: str = ""
    door: str = ""
    wave: int = 0
    """Which wave has begun last, from 0."""
    wave_ended_at: datetime | None = None
    """Since when all of it has ended; None while it is under way."""


UNTOUCHED = BatchControl()


@dataclass(frozen=True)
class BatchLine:
    """One line of a batch's journal: an act on it, at which version, by whom and why."""

    version: int
    at: datetime
    act: str
    by: str
    why: str
    trust: str = ""
    door: str = ""


@dataclass(frozen=True)
class Acknowledgement:
    """Who accepted which risks, when, and that snapshots of all disks may be made."""

    operator: str
    at: datetime
    risks_version: str
    text: tuple[str, ...]
    selection: str = ""
    """Digest of the batch's selection as it stood then; an older version recorded none."""
    trust: str = ""
    """How the name is known (``claimed``, ``verified``); empty if an older version recorded it."""


@dataclass(frozen=True)
class Selection:
    """Which instances: by id, or all that run one of the releases (keys of the catalog), in the regions given."""

    regions: tuple[str, ...]
    instance_ids: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    """Member accounts, and an empty text for the deployment's own. Without any, only the own one is meant."""

    @property
    def every_account(self) -> tuple[str, ...]:
        """The accounts that are meant."""
        return self.accounts or ("",)


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
    accounts: tuple[str, ...] = ()
    """Those of the selection."""
    control: BatchControl = UNTOUCHED
    size: int = 0
    """Instances of the batch, once it is planned; an earlier version wrote none."""

    @property
    def failure_budget(self) -> int:
        """How many migrations may fail before the batch pauses."""
        percent = self.policy.failure_percent
        return self.policy.failure_budget if percent is None else self.size * percent // 100

    @property
    def every_account(self) -> tuple[str, ...]:
        """The accounts that its migrations may be of."""
        return self.accounts or ("",)


Problem = tuple[str, str, str]
"""What has no migration (an instance, or a whole region), the code, and a sentence with what to do."""


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
    problems: tuple[Problem, ...] = ()
    control: BatchControl = UNTOUCHED

    @property
    def terms(self) -> Terms:
        """All of it that does not grow with the number of instances."""
        same = (self.batch_id, self.state, self.version, self.created_at, self.policy, self.dry_run, self.acknowledgement)
        return Terms(*same, self.selection.accounts, self.control, self.size)


def needs_the_tick(terms: Terms) -> bool:
    """Whether the tick looks at the batch: its planning may have been interrupted, migrations may start, or are to be cancelled."""
    if terms.state is not BatchState.OPEN:
        return terms.state is BatchState.PLANNING
    return terms.acknowledgement is not None or terms.control.brake is Brake.STOPPED
