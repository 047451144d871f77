"""What SMC did to the disks when a job failed, was cancelled, or was a drill. Pure.

SMC may put every disk back to its own copies, and its API does not show it (SMC, "migrate an operating system").
So a small file, the marker, is written in the guest while the job runs, once SMC has made its copies. After the job the pipeline
looks for the marker. If it is gone, SMC put the disks back, and everything written since the copies is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from shared.domain.timing import CLOCKS_APART

ROLLED_BACK_BY_SMC = "Job.RolledBack"
"""The failure of a job that finished without moving anything; its retry needs another job."""


class DisksAfterJob(Enum):
    """Whether SMC put the disks back. People see these values as they are."""

    ROLLED_BACK = "SMC rolled back"
    KEPT = "not rolled back"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class JobEnd:
    """How a job ended that did not migrate the instance.

    Before this becomes the failure, the pipeline looks for the marker in the guest.
    """

    code: str
    message: str
    remedy: str
    at: datetime
    copied: bool = False
    """Whether the job was seen past the point where SMC makes its own copies."""
    is_drill: bool = False
    """Whether the job finished while the old system still runs."""


@dataclass(frozen=True)
class JobTrace:
    """What is known of the disks after one attempt's job.

    An older version drops it when it writes the row; then nothing is known.
    """

    marker: str = ""
    """The text of the marker; empty if no marker was sent."""
    marker_id: str = ""
    """The id of the command that writes the marker."""
    ended: JobEnd | None = None
    look_id: str = ""
    """The id of the command that looks for the marker; empty if none is under way."""
    found: DisksAfterJob | None = None
    system: str = ""
    """The system that the guest ran when the marker was looked for, in words."""


@dataclass(frozen=True)
class MarkerAnswer:
    """What a guest answered about its marker. None means that it gave no answer."""

    os_id: str | None = None
    os_version: str | None = None
    os_name: str | None = None
    marker: str = ""
    """The marker's text, empty if the guest has no marker."""
    up: timedelta | None = None
    """How long the guest had been running."""


@dataclass(frozen=True)
class StateBeforeJob:
    """The state before the job, for comparison: the system, the marker if surely written, and when the guest was seen."""

    os_id: str | None
    os_version: str | None
    marker: str
    seen_at: datetime | None


def marker_text(migration_id: str, hop: int, attempt: int, count: int) -> str:
    """The marker's text.

    Each run of a job has a marker of its own, because SMC's next copies contain what an earlier run left behind.
    """
    return f"replank migration {migration_id} hop {hop} attempt {attempt} number {count}"


def disks_after_job(before: StateBeforeJob, seen: MarkerAnswer, *, is_drill: bool, now: datetime) -> DisksAfterJob:
    """Whether SMC put the disks back. Only proof counts; without it the answer is "not known".

    A disk is reset only while its instance is stopped (ECS, ResetDisk). So the disks of a guest that has not stopped since
    before the job were not put back. A finished job leaves the old system only if the disks were put back.
    """
    if seen.up is not None and before.seen_at is not None and now - seen.up < before.seen_at - CLOCKS_APART:
        return DisksAfterJob.KEPT
    if before.os_id and seen.os_id and (before.os_id, before.os_version) != (seen.os_id, seen.os_version):
        return DisksAfterJob.KEPT
    if before.marker:
        return DisksAfterJob.KEPT if seen.marker == before.marker else DisksAfterJob.ROLLED_BACK
    return DisksAfterJob.ROLLED_BACK if is_drill and seen.os_id else DisksAfterJob.UNKNOWN


def status_in_words(trace: JobTrace, *, job_failed: bool) -> str:
    """What SMC did to the disks, in words for people; empty if no job of the attempt failed.

    Old rows do not record it: not known.
    """
    if trace.found is not None:
        return trace.found.value
    return DisksAfterJob.UNKNOWN.value if job_failed else ""


def failure_sentence(trace: JobTrace) -> str:
    """What is known of the disks, for the failure's sentence."""
    runs = f"the guest runs {trace.system}" if trace.system else "the guest was asked"
    if trace.found is DisksAfterJob.ROLLED_BACK:
        return f"SMC rolled the disks back: {runs}. What was written to any disk after SMC made its copies is lost."
    if trace.found is DisksAfterJob.KEPT:
        return f"SMC has not rolled the disks back: {runs}, and what was written while the job ran is there."
    return "It is not known whether SMC rolled the disks back to its own copies. If it did, what was written since them is lost."


def remedy_after_job(trace: JobTrace, of_the_job: str) -> str:
    """The remedy: what to do first, then what the job's own failure asks for."""
    if trace.found is DisksAfterJob.ROLLED_BACK:
        return f"First restore what the programs wrote while the job ran, from their own backups or queues. Then: {of_the_job}"
    if trace.found is DisksAfterJob.KEPT:
        return of_the_job
    return f"First look at the instance's data: is what was written while the job ran still there? Then: {of_the_job}"
