"""What SMC did to the disks is reported only if something proves it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from shared.domain.after_job import (
    AfterJobRecord,
    DisksAfterJob,
    GuestBeforeJobEnd,
    JobEnd,
    MarkerAnswer,
    disks_after_job,
    marker_text,
    remedy_after_job,
    smc_rollback_sentences,
)
from shared.domain.codec import decode, encode
from shared.domain.migration import DriverData, Failure, Migration, State

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
TEXT = marker_text("m1", 0, 1, 3)
BEFORE = GuestBeforeJobEnd("centos", "7.9.2009", TEXT, NOW - timedelta(hours=1))
OLD = MarkerAnswer("centos", "7.9.2009", "CentOS Linux 7", up=timedelta(minutes=5))
FOUND = replace(OLD, marker=TEXT)
NEW = MarkerAnswer("alinux", "3", up=timedelta(minutes=5))
UNWRITTEN = replace(BEFORE, marker="")


@pytest.mark.parametrize(
    ("before", "seen", "drill", "answer"),
    [
        (BEFORE, FOUND, False, DisksAfterJob.KEPT),
        (BEFORE, OLD, False, DisksAfterJob.ROLLED_BACK),
        (BEFORE, OLD, True, DisksAfterJob.ROLLED_BACK),
        (BEFORE, FOUND, True, DisksAfterJob.KEPT),
        (BEFORE, replace(OLD, marker=marker_text("m1", 0, 1, 2)), False, DisksAfterJob.ROLLED_BACK),
        (BEFORE, NEW, False, DisksAfterJob.KEPT),
        (UNWRITTEN, OLD, False, DisksAfterJob.UNKNOWN),
        (UNWRITTEN, OLD, True, DisksAfterJob.ROLLED_BACK),
        (UNWRITTEN, MarkerAnswer(), True, DisksAfterJob.UNKNOWN),
        (UNWRITTEN, replace(OLD, up=timedelta(hours=2)), False, DisksAfterJob.KEPT),
        (BEFORE, replace(OLD, up=timedelta(hours=2)), False, DisksAfterJob.KEPT),
        (UNWRITTEN, replace(OLD, up=timedelta(hours=1, seconds=29)), False, DisksAfterJob.UNKNOWN),
        (replace(UNWRITTEN, seen_at=None), replace(OLD, up=timedelta(hours=9)), False, DisksAfterJob.UNKNOWN),
        (GuestBeforeJobEnd(None, None, "", None), NEW, False, DisksAfterJob.UNKNOWN),
    ],
)
def test_only_proof_decides(before: GuestBeforeJobEnd, seen: MarkerAnswer, drill: bool, answer: DisksAfterJob) -> None:
    assert disks_after_job(before, seen, is_drill=drill, now=NOW) is answer


def test_every_answer_has_its_sentence_and_remedy() -> None:
    said = {smc_rollback_sentences(AfterJobRecord(found=each, system="CentOS Linux 7")) for each in (*DisksAfterJob, None)}
    assert len(said) == 3
    assert not any("unchanged" in each for each in said)
    assert remedy_after_job(AfterJobRecord(found=DisksAfterJob.KEPT), "Retry.") == "Retry."
    assert all(remedy_after_job(AfterJobRecord(found=each), "Retry.").endswith("Retry.") for each in DisksAfterJob)


def test_a_trace_is_stored_and_read_again() -> None:
    trace = AfterJobRecord(
        "text", "t-1", JobEnd("M199", "It failed.", "Retry.", NOW, copied=True), "t-2", DisksAfterJob.ROLLED_BACK, "CentOS"
    )
    assert decode(AfterJobRecord, encode(trace), "trace") == trace


def migration(**fields: object) -> Migration:
    row = Migration("m1", "b1", "i-1", "cn-hangzhou", State.FAILED, 9, 9, NOW, NOW, handle=DriverData(job_id="j-1", started_at=NOW))
    return replace(row, **fields)  # type: ignore[arg-type]


def test_an_old_row_says_not_known() -> None:
    """A row written by a version that did not ask the guest."""
    old = {key: value for key, value in encode(migration(failure=Failure("migrate", "M199", "x", "y"))).items() if key != "trace"}
    assert decode(Migration, old, "row").smc_rollback == "not known"
    assert migration(failure=Failure("validate", "Job.RolledBack", "x", "y")).smc_rollback == "not known"


def test_what_is_no_failure_of_a_job_says_nothing() -> None:
    assert migration(failure=Failure("validate", "Services.NotRunning", "x", "y")).smc_rollback == ""
    assert migration(failure=Failure("migrate", "Snapshot.Missing", "x", "y"), handle=DriverData()).smc_rollback == ""
    assert migration(state=State.MIGRATED).smc_rollback == ""
