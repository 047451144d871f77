"""Decides which snapshots are SMC's own backup copies. A snapshot's name does not prove who made the snapshot, because anybody can
choose a name. If the origin of a snapshot is not certain, the pipeline keeps the snapshot. Pure.

Right after a job starts, SMC makes one snapshot of every disk. The names of SMC's snapshots have a known prefix (SMC documentation,
"migrate an operating system"). ECS does not show who made a snapshot or why. A snapshot counts as SMC's own only if three
conditions hold. First, the disk has no other snapshot with SMC's prefix from the time of the job. Second, the job certainly reached
the point where SMC makes the copies. Third, every other migrated disk also has a snapshot with SMC's prefix from the time of the
job.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.domain.migration import JournalEntry, State
from shared.domain.record import dataclass
from shared.domain.timing import CLOCKS_APART


@dataclass(frozen=True)
class JobRun:
    """One run of a job, as the migration's journal shows it. The field ``copied`` is true if SMC had made its copies of the disks
    when the run ended.
    """

    hop: int
    attempt: int
    began: datetime
    ended: datetime | None
    copied: bool

    def contains_time(self, at: datetime) -> bool:
        """Whether a time is within the run, with a tolerance for differing clocks."""
        return self.began - CLOCKS_APART <= at and (self.ended is None or at <= self.ended + CLOCKS_APART)


@dataclass(frozen=True)
class CopyCandidate:
    """A snapshot whose name has the prefix of SMC's own copies. The field ``tagged`` is true if the snapshot has the tag that
    Replank sets on its own snapshots.
    """

    snapshot_id: str
    disk_id: str
    created_at: datetime
    tagged: bool = False


def job_runs_in_journal(journal: Iterable[JournalEntry], *, unseen: bool) -> list[JobRun]:
    """All runs of a migration's jobs, read from its journal. The argument ``unseen`` says whether a job may run before the pipeline
    notices the job. If ``unseen`` is true, each run begins when the snapshots were ready, because the job may have begun before the
    pipeline noticed it.
    """
    runs: list[JobRun] = []
    waiting: datetime | None = None
    began: datetime | None = None
    for line in journal:
        if line.from_state is State.MIGRATING and line.to_state is not State.MIGRATING and began is not None:
            runs.append(JobRun(line.hop, line.attempt, began, line.at, line.to_state is State.RESTARTING))
            began = None
        if line.to_state is State.SNAPSHOTTED and line.from_state is not State.SNAPSHOTTED:
            waiting = line.at
        if line.to_state is State.MIGRATING and line.from_state is not State.MIGRATING:
            began = waiting if unseen and waiting is not None else line.at
            last = line
    if began is not None:
        runs.append(JobRun(last.hop, last.attempt, began, None, copied=False))
    return runs


def why_not_adopted(copy: CopyCandidate, others: Sequence[CopyCandidate], runs: Sequence[JobRun], disks: Iterable[str]) -> str:
    """Why a snapshot does not count as SMC's own copy; empty if it does.

    The argument ``others`` contains all snapshots whose names have the prefix of SMC's own copies, including the snapshot ``copy``.
    """
    mine = [run for run in runs if run.contains_time(copy.created_at)]
    if copy.tagged:
        return "the snapshot has Replank's tag, and SMC does not set this tag"
    if not mine:
        return "the snapshot was not made while a job of the migration ran"
    if len(mine) > 1:
        return "the snapshot was made when one job ended and the next began"
    run, wanted = mine[0], set(disks)
    if copy.disk_id not in wanted:
        return "the snapshot's disk was not migrated"
    within = [other for other in others if run.contains_time(other.created_at)]
    if sum(other.disk_id == copy.disk_id for other in within) > 1:
        return "two snapshots of the disk from the time of one job have names like SMC's, but SMC makes one per job"
    if not run.copied:
        return "the job did not end well, and nobody knows whether SMC had made its copies"
    lacking = sorted(wanted - {other.disk_id for other in within})
    if lacking:
        return f"SMC copies every disk, and {', '.join(lacking)} has no copy"
    return ""
