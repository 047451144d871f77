"""The API's views of the findings on each instance, and of the report of a batch as a file."""

from __future__ import annotations

from datetime import datetime

from shared.domain.findings import Finding
from shared.domain.record import dataclass
from shared.stages.api.plan_views import FinishForecastView


@dataclass(frozen=True)
class AssessmentView:
    """The findings of one check, worst first. The field ``overrides`` maps the code of each overridden finding to the reason for
    the override.
    """

    blocked: bool
    findings: tuple[Finding, ...]
    overrides: dict[str, str]


@dataclass(frozen=True)
class GuestAspectView:
    """One aspect of the guest before and after the move, in words. The field ``standing`` is ``same``, ``expected``, ``warning`` or
    ``failure``.
    """

    what: str
    before: str
    after: str
    standing: str


@dataclass(frozen=True)
class Judgement:
    """The findings of precheck and validation on one instance, and its guest before and after the migration.

    A field whose check did not run is null.
    """

    migration_id: str
    instance_id: str
    name: str
    route: tuple[str, ...]
    state: str
    verdict: str
    """The worst result: for example ``blocked``, ``failed``, ``warnings``, ``passed`` or ``not assessed``."""
    precheck: AssessmentView | None
    validation: AssessmentView | None
    aspects: tuple[GuestAspectView, ...]
    smc_rollback: str
    """Whether SMC restored the disks after a job that failed, was cancelled or was a drill; empty for other jobs."""


@dataclass(frozen=True)
class JudgementList:
    """A page of a batch's judgements; ``next_token`` is empty on the last page."""

    batch_id: str
    made_at: datetime
    instances: tuple[Judgement, ...]
    next_token: str


@dataclass(frozen=True)
class ReportDocument:
    """The report of a batch as a file, with the judgements of all its instances. The field ``summary`` counts the instances by
    verdict.
    """

    batch_id: str
    title: str
    made_at: datetime
    digest: str
    """Digest of the chosen instances; empty if an older version planned the batch."""
    planned: FinishForecastView | None
    """The finish times that were forecast at the acknowledgement; null before the acknowledgement."""
    finished_at: datetime | None
    outcomes: dict[str, int]
    """Number of migrations in each state."""
    summary: dict[str, int]
    instances: tuple[Judgement, ...]
