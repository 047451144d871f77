"""What SMC did to the disks is said only where something proves it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from shared.domain.after_job import AfterJob, Before, JobEnd, SeenMarker, Trace, in_words, judge, marker_of, remedy
from shared.domain.codec import decode, encode
from shared.domain.migration import Failure, Handle, Migration, State

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
TEXT = marker_of("m1", 0, 1, 3)
BEFORE = Before("centos", "7.9.2009", TEXT, NOW - timedelta(hours=1))
OLD = SeenMarker("centos", "7.9.2009", "CentOS Linux 7", up=timedelta(minutes=5))
FOUND = replace(OLD, marker=TEXT)
NEW = SeenMarker("alinux", "3", up=timedelta(minutes=5))
UNWRITTEN = replace(BEFORE, marker="")


@pytest.mark.parametrize(
    ("before", "seen", "drill", "answer"),
    [
        (BEFORE, FOUND, False, AfterJob.KEPT),
        (BEFORE, OLD, False, AfterJob.ROLLED_BACK),
        (BEFORE, OLD, True, AfterJob.ROLLED_BACK),
        (BEFORE, FOUND, True, AfterJob.KEPT),
        (BEFORE, replace(OLD, marker=marker_of("m1", 0, 1, 2)), False, AfterJob.ROLLED_BACK),
        (BEFORE, NEW, False, AfterJob.KEPT),
        (UNWRITTEN, OLD, False, AfterJob.UNKNOWN),
        (UNWRITTEN, OLD, True, AfterJob.ROLLED_BACK),
        (UNWRITTEN, SeenMarker(), True, AfterJob.UNKNOWN),
        (UNWRITTEN, replace(OLD, up=timedelta(hours=2)), False, AfterJob.KEPT),
        (BEFORE, replace(OLD, up=timedelta(hours=2)), False, AfterJob.KEPT),
        (UNWRITTEN, replace(OLD, up=timedelta(hours=1, seconds=29)), False, AfterJob.UNKNOWN),
        (replace(UNWRITTEN, seen_at=None), replace(OLD, up=timedelta(hours=9)), False, AfterJob.UNKNOWN),
        (Before(None, None, "", None), NEW, False, AfterJob.UNKNOWN),
    ],
)
def test_only_proof_decides(before: Before, seen: SeenMarker, drill: bool, answer: AfterJob) -> None:
    assert judge(before, seen, is_drill=drill, now=NOW) is answer


def test_every_answer_has_its_sentence_and_remedy() -> None:
    said = {in_words(Trace(found=each, system="CentOS Linux 7")) for each in (*AfterJob, None)}
    assert len(said) == 3
    assert not any("unchanged" in each for each in said)
    assert remedy(Trace(found=AfterJob.KEPT), "Retry.") == "Retry."
    assert all(remedy(Trace(found=each), "Retry.").endswith("Retry.") for each in AfterJob)


def test_a_trace_is_stored_and_read_again() -> None:
    trace = Trace("text", "t-1", JobEnd("M199", "It failed.", "Retry.", NOW, copied=True), "t-2", AfterJob.ROLLED_BACK, "CentOS")
    assert decode(Trace, encode(trace), "trace") == trace


def migration(**fields: object) -> Migration:
    row = Migration("m1", "b1", "i-1", "cn-hangzhou", State.FAILED, 9, 9, NOW, NOW, handle=Handle(job_id="j-1", started_at=NOW))
    return replace(row, **fields)  # type: ignore[arg-type]


def test_an_old_row_says_not_known() -> None:
    """One that a version wrote which did not ask the guest."""
    old = {key: value for key, value in encode(migration(failure=Failure("migrate", "M199", "x", "y"))).items() if key != "trace"}
    assert decode(Migration, old, "row").smc_rollback == "not known"
    assert migration(failure=Failure("validate", "Job.RolledBack", "x", "y")).smc_rollback == "not known"


def test_what_is_no_failure_of_a_job_says_nothing() -> None:
    assert migration(failure=Failure("validate", "Services.NotRunning", "x", "y")).smc_rollback == ""
    assert migration(failure=Failure("migrate", "Snapshot.Missing", "x", "y"), handle=Handle()).smc_rollback == ""
    assert migration(state=State.MIGRATED).smc_rollback == ""
