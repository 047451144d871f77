"""Ten edits that make the product do harm, each with the nearby test that notices the edit.

``tests/tidy/test_edits.py`` checks that each line and each test still exists. ``make test-long`` makes each edit in a copy of the
tree and sees its test fail. docs/testing.md shows the table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """One edit. ``before`` occurs once in ``file``. If ``after`` replaces it, ``test`` fails."""

    harm: str
    file: str
    before: str
    after: str
    test: str


EDITS = (
    Edit(
        "A rollback stops the instance without charges, so it may lose its public address and its place",
        "shared/adapters/compute.py",
        'stopped_mode="KeepCharging"',
        'stopped_mode="StopCharging"',
        "tests/contract/test_port_compute.py::test_whether_a_disk_can_be_reset_is_asked_without_resetting_it",
    ),
    Edit(
        "A rollback takes a snapshot that never finished",
        "shared/domain/restore.py",
        'if seen.status != "accomplished":',
        'if seen.status == "":',
        "tests/unit/domain/test_restore.py::test_a_snapshot_that_cannot_be_used_is_named_with_its_cause",
    ),
    Edit(
        "The sweep deletes a snapshot whose migration has effects in its outbox",
        "shared/stages/sweep.py",
        "if owner is None or owner.owes or not may_sweep(",
        "if owner is None or not may_sweep(",
        "tests/contract/test_stages_sweep.py::test_no_snapshot_goes_while_its_migration_still_owes_an_effect",
    ),
    Edit(
        "The sweep completes a migration that a person has changed since the sweep read it",
        "shared/adapters/migrations.py",
        'return _migration_key(step.before.migration_id), columns, removed, {"version": step.before.version}',
        "return _migration_key(step.before.migration_id), columns, removed, {}",
        "tests/contract/test_sweep_completes.py::test_a_migration_that_a_person_changes_meanwhile_keeps_that_change",
    ),
    Edit(
        "The window does not hold the job of a retry",
        "shared/domain/limits.py",
        "StartKind.RETRY_JOB: EVERY,",
        "StartKind.RETRY_JOB: EVERY - TIMES,",
        "tests/unit/domain/test_limits.py::test_a_limit_holds_a_start_as_the_table_says",
    ),
    Edit(
        "A batch never closes, and every tick reads it",
        "shared/stages/closing.py",
        "return _write_batch_state(summary, BatchState.CLOSED, ports, validated_at)",
        "return False",
        "tests/unit/stages/test_slots.py::test_a_batch_closes_once_every_migration_is_settled",
    ),
    Edit(
        "The local cloud ignores a Deny, so no test proves what a role may not do",
        "localcloud/core/policy.py",
        'if statement["Effect"] == "Deny":',
        'if statement["Effect"] == "Never":',
        "tests/contract/localcloud/test_policy.py::test_a_deny_wins_wherever_it_stands",
    ),
    Edit(
        "Only the first portion of a batch is confirmed (in the place of `Confirmations.more`, which is gone)",
        "cli/many.py",
        "for place in range(0, len(migrations), AT_ONCE):",
        "for place in range(0, min(1, len(migrations))):",
        "tests/unit/cli/test_acts.py::test_a_batch_is_confirmed_portion_by_portion",
    ),
    Edit(
        "A file system that was read-only before counts as newly read-only",
        "shared/domain/validation/storage.py",
        "if a.read_only and not b.read_only]",
        "if a.read_only]",
        "tests/unit/domain/validation/test_compare.py::test_a_file_system_that_was_read_only_before_is_no_finding",
    ),
    Edit(
        "The report does not show the worst first",
        "shared/stages/api/report_page.py",
        "worst_first = sorted(report.rows, key=verdict_sort_key)",
        "worst_first = list(report.rows)",
        "tests/unit/domain/test_report.py::test_the_worst_come_first",
    ),
)
