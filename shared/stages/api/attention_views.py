"""The API's answer about the batches that may need a person. Each row is small, because an overview reads hundreds of rows."""

from __future__ import annotations

from datetime import datetime

from shared.domain.record import dataclass
from shared.stages.api.approval_views import ApprovalStatusView
from shared.stages.api.views import AcknowledgementView, BrakeView


@dataclass(frozen=True)
class NextWave:
    """The next wave, which a person must begin, and what the wave waits for, in words."""

    number: int
    waits_for: str
    soak_over: bool
    """Whether the soak of the previous wave is over. After the soak, the next wave waits only for people."""


@dataclass(frozen=True)
class WaveStartPolicy:
    """The parts of the policy that decide who begins the next wave."""

    gate: str
    wave_approvals: int


@dataclass(frozen=True)
class BatchNeedingPerson:
    """A batch that may need a person, with the number of its migrations in each state."""

    batch_id: str
    state: str
    dry_run: bool
    size: int
    policy: WaveStartPolicy
    acknowledgement: AcknowledgementView | None
    brake: BrakeView | None
    approvals: tuple[ApprovalStatusView, ...]
    counts: dict[str, int]
    jobs_to_start: int
    """Number of jobs that a person has to start."""
    next_opening: datetime | None
    """The time at which windows and blackouts allow the next start; null if a start is allowed now, or never again."""
    waves: tuple[NextWave, ...]
    """The next wave, if the open wave has ended and a person must begin the next wave; otherwise empty."""


@dataclass(frozen=True)
class BatchesNeedingPerson:
    """One page of the batches that may need a person. The field ``looked_into`` is the number of batches that were checked for the
    page.
    """

    batches: tuple[BatchNeedingPerson, ...]
    next_token: str
    looked_into: int
