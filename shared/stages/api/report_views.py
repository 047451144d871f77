"""The API's views of migration outcomes. The module ``views.py`` says how a view becomes JSON."""

from __future__ import annotations

from shared.domain.findings import Finding
from shared.domain.record import dataclass
from shared.domain.route import Hop
from shared.stages.api.judgement_views import Judgement
from shared.stages.api.snapshot_views import SnapshotView
from shared.stages.api.views import JournalLine, ProblemView


@dataclass(frozen=True)
class ResultLine:
    """The outcome of one migration, as a line of a report."""

    migration_id: str
    instance_id: str
    instance_name: str
    from_: str
    to: str
    state: str
    result: str
    """The outcome: ``completed``, ``confirmed``, ``refused``, ``failed``, ``rolled_back``, ``cancelled``, or ``open`` before the
    end.
    """
    hops: int
    restarts: int
    attempts: int
    snapshots_made: int
    snapshots_swept: int
    minutes: int
    """Minutes from acceptance to the outcome. The time includes the wait for a slot, but not the wait for a confirmation."""
    smc_rollback: str
    """Whether SMC restored the disks after a job that failed, was cancelled or was a drill; empty for other jobs."""
    driver: str
    """The driver that carried out the replacement."""
    driver_why: str
    """The reason why ``auto`` chose this driver, in words; empty if the policy names the driver."""
    reasons: tuple[ProblemView, ...]


@dataclass(frozen=True)
class BatchReport:
    """One page of a batch's migration outcomes. The field ``problems`` lists instances that have no migration."""

    batch_id: str
    migrations: tuple[ResultLine, ...]
    problems: tuple[ProblemView, ...]
    next_token: str


@dataclass(frozen=True)
class MigrationReport:
    """The full report of one migration. The field ``currency`` is the currency of the snapshots' cost; empty if no price is set."""

    result: ResultLine
    route: tuple[Hop, ...]
    findings: tuple[Finding, ...]
    judgement: Judgement
    journal: tuple[JournalLine, ...]
    snapshots: tuple[SnapshotView, ...]
    currency: str
