"""Finds out whether SMC reset the disks after a job that failed, was cancelled, or was a drill. Pure.

SMC may reset every disk to the copy that SMC made of it (SMC documentation, "migrate an operating system"). SMC's API does not
report such a reset. The pipeline writes a small file, the marker, into the guest after SMC has made its copies. After the job,
the pipeline looks for the marker. If the marker is gone, SMC reset the disks, and all data that was written after SMC made the
copies is lost.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from shared.domain.record import dataclass
from shared.domain.timing import CLOCKS_APART

ROLLED_BACK_BY_SMC = "Job.RolledBack"
"""The error code if a job finished although the guest still runs the old system. A retry after this error creates a new job."""


class DisksAfterJob(Enum):
    """The state of the disks after a job: reset by SMC, not reset, or not known. Each value is the text that people see."""

    ROLLED_BACK = "SMC rolled back"
    KEPT = "not rolled back"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class JobEnd:
    """The end of a job that did not migrate the instance.

    If a job in SMC ends without a migration, the pipeline looks for the marker in the guest and then records the failure.
    """

    code: str
    message: str
    remedy: str
    at: datetime
    copied: bool = False
    """Whether the job reached the point where SMC makes its own copies."""
    is_drill: bool = False
    """Whether SMC reported the job as finished, although the guest still runs the old system."""


@dataclass(frozen=True)
class AfterJobRecord:
    """The record of the disks' state after the job of one attempt.

    If an older version of Replank writes the migration's row, the record is lost. Without the record, the state of the disks is not
    known.
    """

    marker: str = ""
    """The text of the marker; empty if no marker was sent."""
    marker_id: str = ""
    """The id of the command that writes the marker."""
    ended: JobEnd | None = None
    look_id: str = ""
    """The id of the command that looks for the marker; empty if no command has been sent, or if the last command failed."""
    found: DisksAfterJob | None = None
    system: str = ""
    """The name of the operating system that the guest ran when the pipeline looked for the marker."""


@dataclass(frozen=True)
class MarkerAnswer:
    """A guest's answer about its operating system and its marker. A field is None if the guest did not report the fact."""

    os_id: str | None = None
    os_version: str | None = None
    os_name: str | None = None
    marker: str = ""
    """The marker's text, empty if the guest has no marker."""
    up: timedelta | None = None
    """Time since the guest's last boot."""


@dataclass(frozen=True)
class GuestBeforeJobEnd:
    """The guest before the job ended: its operating system, its marker, and the time of the last observation. The field ``marker``
    is empty unless the pipeline knows that the marker was written.
    """

    os_id: str | None
    os_version: str | None
    marker: str
    seen_at: datetime | None


def marker_text(migration_id: str, hop: int, attempt: int, count: int) -> str:
    """The text that the marker file contains.

    The text of the marker differs for each run of a job, because SMC's copies may contain the marker of an earlier run.
    """
    return f"replank migration {migration_id} hop {hop} attempt {attempt} number {count}"


def disks_after_job(before: GuestBeforeJobEnd, seen: MarkerAnswer, *, is_drill: bool, now: datetime) -> DisksAfterJob:
    """Whether SMC reset the disks. The result is ``UNKNOWN`` if there is no proof.

    ECS resets a disk only while its instance is stopped (ECS documentation, ResetDisk). If the guest has not restarted since it was
    last observed, SMC did not reset its disks. If the job finished but the guest still runs the old system, SMC reset the disks.
    """
    if seen.up is not None and before.seen_at is not None and now - seen.up < before.seen_at - CLOCKS_APART:
        return DisksAfterJob.KEPT
    if before.os_id and seen.os_id and (before.os_id, before.os_version) != (seen.os_id, seen.os_version):
        return DisksAfterJob.KEPT
    if before.marker:
        return DisksAfterJob.KEPT if seen.marker == before.marker else DisksAfterJob.ROLLED_BACK
    return DisksAfterJob.ROLLED_BACK if is_drill and seen.os_id else DisksAfterJob.UNKNOWN


def smc_rollback_in_words(trace: AfterJobRecord, *, job_failed: bool) -> str:
    """Whether SMC reset the disks, in words for people; empty if no job of the attempt failed.

    If an older version of Replank removed the record of the disks' state, the result is "not known".
    """
    if trace.found is not None:
        return trace.found.value
    return DisksAfterJob.UNKNOWN.value if job_failed else ""


def smc_rollback_sentences(trace: AfterJobRecord) -> str:
    """One or two sentences for the failure message that say whether SMC rolled the disks back."""
    runs = f"the guest runs {trace.system}" if trace.system else "the guest was asked"
    if trace.found is DisksAfterJob.ROLLED_BACK:
        return f"SMC rolled the disks back: {runs}. All data that was written to any disk after SMC made its copies is lost."
    if trace.found is DisksAfterJob.KEPT:
        return f"SMC has not rolled the disks back: {runs}, and the data that was written while the job ran is still there."
    return (
        "It is not known whether SMC rolled the disks back to its own copies. If so, all data written after these copies is lost."
    )


def remedy_after_job(trace: AfterJobRecord, of_the_job: str) -> str:
    """The remedy after a failed job: how to restore data that may be lost, and then how to correct the job's failure."""
    if trace.found is DisksAfterJob.ROLLED_BACK:
        return f"First restore the data that programs wrote while the job ran, from their own backups or queues. Then: {of_the_job}"
    if trace.found is DisksAfterJob.KEPT:
        return of_the_job
    return f"First check the instance's data: is the data that was written while the job ran still there? Then: {of_the_job}"
