"""Builds the report page for people: findings of precheck and validation, and the guest before and after the move."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from shared.domain.findings import Assessment
from shared.domain.migration import Migration, State
from shared.domain.observation import Observation
from shared.domain.report import PlanAndOutcome, Report, ReportRow
from shared.domain.validation.summary import ComparisonRow, comparison_rows
from shared.ports.ports import Ports
from shared.stages import observed
from shared.stages.api import judgement_views, planning
from shared.stages.api.report_page import report_html

MOST_ROWS = 500
"""Maximum instances on the HTML page. The operation GET /batches/{batchId}/report lists all instances as JSON, page by page."""
_ROLLED_BACK = frozenset({State.ROLLING_BACK, State.ROLLED_BACK})
"""The states in which the assessment in a migration's row comes from its rollback, not from its precheck."""


def batch_report_html(ports: Ports, batch_id: str) -> str:
    """Return the report of a batch as an HTML page; raises Refused (Batch.NotFound)."""
    ports.batches.load_summary(batch_id)  # there is one
    chosen = list(islice(_migrations_of_batch(ports, batch_id), MOST_ROWS))
    return _html_of_migrations(ports, batch_id, f"Batch {batch_id}", chosen, _plan_and_outcome(ports, batch_id))


def _plan_and_outcome(ports: Ports, batch_id: str) -> PlanAndOutcome:
    found = planning.batch_plan(ports, batch_id, seed="1", prices=(0, ""))
    planned = (found.planned.p10, found.planned.p50, found.planned.p90) if found.planned else (None, None, None)
    return PlanAndOutcome(found.digest, planned, found.finished_at, found.outcomes)


def _migrations_of_batch(ports: Ports, batch_id: str) -> Iterator[Migration]:
    """Yield all migrations of a batch. The store is read page by page."""
    token = ""
    while True:
        page = ports.migrations.migration_page_of_batch(batch_id, state=None, limit=100, token=token)
        yield from page.migrations
        token = page.next_token
        if not token:
            return


def migration_report_html(ports: Ports, migration_id: str) -> str:
    """Return the report of one migration as an HTML page; raises Refused (Migration.NotFound)."""
    migration = ports.migrations.load(migration_id)
    return _html_of_migrations(ports, migration.batch_id, f"Migration {migration_id} of {migration.instance_id}", [migration])


def judgement_page(ports: Ports, batch_id: str, *, limit: int, token: str) -> judgement_views.JudgementList:
    """Return a page of the findings of the batch's prechecks and validations; raises Refused (Batch.NotFound)."""
    ports.batches.load_summary(batch_id)  # there is one
    page = ports.migrations.migration_page_of_batch(batch_id, state=None, limit=limit, token=token)
    found = tuple(migration_judgement(ports, each) for each in page.migrations)
    return judgement_views.JudgementList(batch_id, ports.clock.now(), found, page.next_token)


def migration_judgement(ports: Ports, migration: Migration) -> judgement_views.Judgement:
    """Return the findings of a migration's last precheck and last validation."""
    row = _report_row_of_migration(ports, migration)
    return judgement_views.Judgement(
        migration.migration_id,
        row.instance_id,
        row.name,
        row.route,
        row.state,
        row.verdict,
        _assessment_view(row.precheck),
        _assessment_view(row.validation),
        tuple(judgement_views.GuestAspectView(each.what, each.before, each.after, each.standing) for each in row.aspects),
        row.smc_rollback,
    )


def _assessment_view(found: Assessment | None) -> judgement_views.AssessmentView | None:
    return judgement_views.AssessmentView(found.is_blocked, found.findings, dict(found.overrides)) if found else None


def _html_of_migrations(
    ports: Ports, batch_id: str, title: str, migrations: list[Migration], course: PlanAndOutcome | None = None
) -> str:
    rows = tuple(_report_row_of_migration(ports, each) for each in migrations)
    return report_html(Report(batch_id, title, ports.clock.now(), rows, course))


def _report_row_of_migration(ports: Ports, migration: Migration) -> ReportRow:
    before, after = observed.baseline_observation(migration, ports), observed.validation_observation(migration, ports)
    route = [migration.source, *(ports.catalog.release_name(hop.destination) for hop in migration.hops)]
    return ReportRow(
        instance_id=migration.instance_id,
        name=migration.instance_name,
        route=tuple(route),
        state=migration.state.value,
        precheck=before.assessment or (None if after.assessment or migration.state in _ROLLED_BACK else migration.assessment),
        validation=after.assessment,
        aspects=_guest_aspects(before, after),
        smc_rollback=migration.smc_rollback,
    )


def _guest_aspects(before: Observation, after: Observation) -> tuple[ComparisonRow, ...]:
    """Return the guest's aspects before and after the move; empty if the guest did not answer both probes."""
    if not (before.guest and after.guest):
        return ()
    return comparison_rows(
        *before.facts_of_instance_and_guest(), *after.facts_of_instance_and_guest(), after.assessment or Assessment()
    )
