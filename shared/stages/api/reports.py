"""Reports the outcome of a migration or of a batch, with the reasons for failures."""

from __future__ import annotations

from shared.domain.migration import JournalEntry, Migration, State
from shared.ports.ports import Ports
from shared.stages.api import pages, report_views, show, views
from shared.stages.api.snapshots import snapshot_view

RESULTS = {
    State.COMPLETED: "completed",
    State.CONFIRMED: "confirmed",
    State.PRECHECK_FAILED: "refused",
    State.FAILED: "failed",
    State.ROLLED_BACK: "rolled_back",
    State.CANCELLED: "cancelled",
}


def migration_report(ports: Ports, migration_id: str, *, price: float, currency: str = "") -> report_views.MigrationReport:
    """Return the full report of one migration; raises Refused (Migration.NotFound)."""
    migration = ports.migrations.load(migration_id)
    journal = ports.migrations.journal(migration_id)
    return report_views.MigrationReport(
        result=_result_line(ports, migration, journal),
        route=migration.hops,
        findings=migration.assessment.findings if migration.assessment else (),
        judgement=pages.migration_judgement(ports, migration),
        journal=tuple(map(show.journal_line_view, journal)),
        snapshots=tuple(
            snapshot_view(entry, price, own=ports.account_id) for entry in ports.ledger.entries_of_migration(migration_id)
        ),
        currency=currency if price else "",
    )


def batch_report(ports: Ports, batch_id: str, *, limit: int, token: str) -> report_views.BatchReport:
    """Return one page of a batch's migration outcomes; raises Refused (Batch.NotFound)."""
    batch = ports.batches.load(batch_id)
    page = ports.migrations.migration_page_of_batch(batch_id, state=None, limit=limit, token=token)
    results = tuple(_result_line(ports, each, ports.migrations.journal(each.migration_id)) for each in page.migrations)
    return report_views.BatchReport(batch_id, results, show.problem_views(batch), page.next_token)


def _result_line(ports: Ports, migration: Migration, journal: list[JournalEntry]) -> report_views.ResultLine:
    return report_views.ResultLine(
        migration_id=migration.migration_id,
        instance_id=migration.instance_id,
        instance_name=migration.instance_name,
        from_=migration.source,
        to=ports.catalog.release_name(migration.route_end),
        state=migration.state.value,
        result=RESULTS.get(migration.state, "open"),
        hops=len(migration.hops),
        restarts=ports.migrations.restart_count(migration.migration_id),
        attempts=max((entry.attempt for entry in journal), default=1),
        snapshots_made=migration.snapshots_made,
        snapshots_swept=migration.snapshots_swept,
        minutes=_minutes_to_outcome(migration, journal),
        smc_rollback=migration.smc_rollback,
        driver=migration.driver,
        driver_why=migration.driver_why,
        reasons=failure_reasons(migration),
    )


_ENDS = frozenset({State.MIGRATED, State.FAILED, State.PRECHECK_FAILED, State.ROLLED_BACK, State.CANCELLED})


def _minutes_to_outcome(migration: Migration, journal: list[JournalEntry]) -> int:
    ends = [entry.at for entry in journal if entry.to_state in _ENDS and entry.from_state is not entry.to_state]
    last = ends[-1] if ends else journal[-1].at if journal else migration.entered_at
    return max(0, int((last - migration.created_at).total_seconds()) // 60)


def failure_reasons(migration: Migration) -> tuple[views.ProblemView, ...]:
    """Return the reasons why the migration was refused or failed, worst reason first."""
    found = []
    if migration.failure is not None:
        failure = migration.failure
        found.append(views.ProblemView(failure.code, failure.message, failure.remedy, migration.instance_id))
    elif migration.state is State.PRECHECK_FAILED and migration.assessment is not None:
        for finding in migration.assessment.blocking_findings:
            sentence = f"{finding.title}: {finding.seen}" if finding.seen else finding.title
            found.append(views.ProblemView(finding.code, sentence, finding.remedy, migration.instance_id))
    return tuple(found)
