"""Which snapshots count as SMC's own: decided by the job's time and the disks, never by the name."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from shared.domain.adoption import CopyCandidate, JobRun, job_runs_in_journal, why_not_adopted
from shared.domain.migration import JournalEntry, State

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
RUN = JobRun(0, 1, NOW, NOW + timedelta(minutes=30), copied=True)
ONE, TWO = CopyCandidate("s-1", "d-1", NOW + timedelta(minutes=1)), CopyCandidate("s-2", "d-2", NOW + timedelta(minutes=1))
DISKS = ["d-1", "d-2"]


def test_the_one_copy_of_each_disk_made_by_a_job_that_did_its_work_is_smcs() -> None:
    assert [why_not_adopted(each, [ONE, TWO], [RUN], DISKS) for each in (ONE, TWO)] == ["", ""]


@pytest.mark.parametrize("minutes", [-5, 35])
def test_what_was_made_outside_of_the_jobs_time_is_somebody_elses(minutes: int) -> None:
    by_hand = replace(ONE, snapshot_id="s-9", created_at=NOW + timedelta(minutes=minutes))
    assert "while a job" in why_not_adopted(by_hand, [ONE, TWO, by_hand], [RUN], DISKS)
    assert why_not_adopted(ONE, [ONE, TWO, by_hand], [RUN], DISKS) == "", "and does not make the others doubtful"


def test_of_two_in_one_jobs_time_neither_is_taken() -> None:
    by_hand = replace(ONE, snapshot_id="s-9", created_at=NOW + timedelta(minutes=9))
    everything = [ONE, TWO, by_hand]
    assert [bool(why_not_adopted(each, everything, [RUN], DISKS)) for each in everything] == [True, False, True]


def test_a_job_that_failed_before_its_copies_leaves_a_lone_snapshot_in_doubt() -> None:
    failed = replace(RUN, copied=False)
    assert "did not end well" in why_not_adopted(ONE, [ONE], [failed], ["d-1"])
    assert why_not_adopted(ONE, [ONE], [replace(failed, copied=True)], ["d-1"]) == ""


def test_a_disk_without_a_copy_or_a_copy_of_another_disk_is_in_doubt() -> None:
    assert "d-2" in why_not_adopted(ONE, [ONE], [RUN], DISKS)
    assert "not migrated" in why_not_adopted(TWO, [ONE, TWO], [RUN], ["d-1"])


def test_a_tag_of_ours_and_two_jobs_at_once_are_in_doubt() -> None:
    assert "tag" in why_not_adopted(replace(ONE, tagged=True), [ONE], [RUN], ["d-1"])
    assert "next began" in why_not_adopted(ONE, [ONE], [RUN, replace(RUN, attempt=2)], ["d-1"])


def line(minute: int, before: State, after: State, attempt: int = 1, hop: int = 0) -> JournalEntry:
    return JournalEntry(minute + 1, NOW + timedelta(minutes=minute), before, after, "x", "x", hop, attempt)


S = State
STORY = [
    line(0, S.SNAPSHOTTING, S.SNAPSHOTTED),
    line(1, S.SNAPSHOTTED, S.SNAPSHOTTED),
    line(5, S.SNAPSHOTTED, S.MIGRATING),
    line(9, S.MIGRATING, S.FAILED),
    line(20, S.FAILED, S.SNAPSHOTTED, 2),
    line(22, S.SNAPSHOTTED, S.MIGRATING, 2),
    line(50, S.MIGRATING, S.RESTARTING, 2),
]


@pytest.mark.parametrize(("unseen", "began"), [(False, [5, 22]), (True, [0, 20])])
def test_the_journal_tells_when_jobs_ran_and_how_they_ended(unseen: bool, began: list[int]) -> None:
    runs = job_runs_in_journal(STORY, unseen=unseen)
    assert [(run.attempt, run.copied) for run in runs] == [(1, False), (2, True)]
    assert [run.began for run in runs] == [NOW + timedelta(minutes=minute) for minute in began]
    assert runs[1].ended == NOW + timedelta(minutes=50)


def test_a_job_under_way_has_no_end() -> None:
    (first, second) = job_runs_in_journal(STORY[:-1], unseen=False)
    assert (second.attempt, second.ended, first.ended) == (2, None, NOW + timedelta(minutes=9))
