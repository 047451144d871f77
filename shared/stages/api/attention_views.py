"""The API's answer about the batches that may need a person. The rows are small: an overview reads hundreds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.stages.api.people_views import ApprovalsView
from shared.stages.api.views import AcknowledgementView, BrakeView


@dataclass(frozen=True)
class NextWave:
    """The wave that a person lets begin, and what it waits for, in words."""

    number: int
    waits_for: str
    soak_over: bool
    """Whether the soak of the wave before is over. The wave then waits only for persons."""


@dataclass(frozen=True)
class NeedsPolicy:
    """The choices of a policy that say who acts next."""

    gate: str
    wave_approvals: int


@dataclass(frozen=True)
class BatchNeed:
    """A batch that may need a person, with the number of its migrations by state."""

    batch_id: str
    state: str
    dry_run: bool
    size: int
    policy: NeedsPolicy
    acknowledgement: AcknowledgementView | None
    brake: BrakeView | None
    approvals: tuple[ApprovalsView, ...]
    counts: dict[str, int]
    jobs_to_start: int
    """Number of jobs that a person has to start."""
    next_opening: datetime | None
    """When windows and blackouts allow the next start; null if they allow it now, or never again."""
    waves: tuple[NextWave, ...]
    """The wave that a person lets begin, if the one before has ended; empty otherwise."""


@dataclass(frozen=True)
class BatchNeeds:
    """The batches of a page that may need a person. ``looked_into`` is the size of the page before the others were left out."""

    batches: tuple[BatchNeed, ...]
    next_token: str
    looked_into: int
