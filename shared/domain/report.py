"""The report of a batch: the findings on each instance, and the verdict that follows from the findings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from shared.domain.findings import Assessment, Finding, Severity
from shared.domain.migration import MOVING, State
from shared.domain.record import dataclass
from shared.domain.validation.summary import ComparisonRow

VERDICTS = (
    "failed",
    "blocked",
    "not validated",
    "warnings",
    "rolled back",
    "under way",
    "not assessed",
    "passed",
)
"""Every verdict, worst first."""
_SETTLED = {
    State.FAILED.value: "failed",
    State.PRECHECK_FAILED.value: "blocked",
    State.ROLLING_BACK.value: "under way",
    State.ROLLED_BACK.value: "rolled back",
}
"""For each state that determines the verdict regardless of the findings, the verdict."""
_UNDER_WAY = frozenset(state.value for state in MOVING | {State.WAITING})
_VALIDATED = frozenset({State.MIGRATED.value, State.CONFIRMED.value, State.COMPLETED.value})


@dataclass(frozen=True)
class ReportRow:
    """The row of a report about one instance.

    The ``route`` lists release names in order, and ``state`` is the state of the migration. An assessment that was not made is
    None.
    """

    instance_id: str
    name: str
    route: tuple[str, ...]
    state: str
    precheck: Assessment | None = None
    validation: Assessment | None = None
    aspects: tuple[ComparisonRow, ...] = ()
    smc_rollback: str = ""
    """Whether SMC reset the disks after a job that did not migrate the instance; empty if no job ran that may reset disks."""

    @property
    def verdict(self) -> str:
        """The verdict, one of ``VERDICTS``. The state also decides the verdict, because the findings alone do not show that a job
        failed.

        The verdict follows from the latest assessment of the instance. A migration under way does not count as passed. A migration
        that was confirmed without a validation counts as not validated.
        """
        if self.state in _SETTLED:
            return _SETTLED[self.state]
        last = self.validation or self.precheck
        if last is not None and last.is_blocked:
            return "failed" if self.validation else "blocked"
        if self.state in _UNDER_WAY:
            return "under way"
        if self.state in _VALIDATED and self.validation is None:
            return "not validated"
        if last is None:
            return "not assessed"
        return "warnings" if any(f.known and f.severity is not Severity.INFO for f in last.findings) else "passed"


@dataclass(frozen=True)
class PlanAndOutcome:
    """The plan of a batch when the batch was acknowledged, and the batch's outcome. A time that is not known is None."""

    digest: str
    """Digest of the instances; empty if an older version of Replank planned the batch."""
    planned: tuple[datetime | None, datetime | None, datetime | None]
    """When the batch was planned to finish: the times by which 10, 50 and 90 of 100 simulated runs end. The times are None before
    the acknowledgement.
    """
    finished_at: datetime | None
    outcomes: Mapping[str, int]
    """For each state, the number of migrations."""

    @property
    def lines_of_plan_and_outcome(self) -> tuple[tuple[str, str], ...]:
        """The plan and the outcome as lines, each with a label and a text."""
        low, usual, high = self.planned
        planned = f"about {_time_in_words(usual)} (8 of 10 runs: {_time_in_words(low)} to {_time_in_words(high)})"
        counts = ", ".join(f"{number} {state}" for state, number in sorted(self.outcomes.items())) or "no migration"
        said = {
            "instances chosen, digest": self.digest,
            "finish as planned": planned if usual else "",
            "really": f"{f'finished {_time_in_words(self.finished_at)}' if self.finished_at else 'under way'}: {counts}",
        }
        return tuple((name, value) for name, value in said.items() if value)


def _time_in_words(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "later than can be said"


@dataclass(frozen=True)
class Report:
    """The state of a batch at the time ``made_at`` (timezone-aware, in UTC)."""

    batch_id: str
    title: str
    made_at: datetime
    rows: tuple[ReportRow, ...]
    course: PlanAndOutcome | None = None
    """The plan and the outcome; None in the report of a single migration."""


def common_unchecked_findings(report: Report) -> tuple[Finding, ...]:
    """The findings that every instance has because the same fact could not be checked; the report lists each of these findings only
    once.
    """
    assessed = [row.precheck for row in report.rows if row.precheck]
    if len(assessed) < 2:
        return ()
    blind = [{f for f in each.findings if f.label == "not checked"} for each in assessed]
    return tuple(sorted(set.intersection(*blind), key=lambda finding: finding.code))


def verdict_sort_key(row: ReportRow) -> tuple[int, str]:
    """The key that sorts the worst verdict first."""
    return VERDICTS.index(row.verdict), row.instance_id


def verdict_counts(report: Report) -> dict[str, int]:
    """For each verdict, the number of instances."""
    found: dict[str, int] = {}
    for row in report.rows:
        found[row.verdict] = found.get(row.verdict, 0) + 1
    return found
