"""Pause, resume and stop: what each act writes, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from shared.domain import acts, brake
from shared.domain.batch import (
    RISKS,
    RISKS_VERSION,
    Acknowledgement,
    Batch,
    BatchState,
    PauseState,
    Selection,
    needs_tick,
)
from shared.domain.caller import Caller, Trust
from shared.domain.errors import Refused
from shared.domain.hold import NOTHING_HELD
from shared.domain.limits import AdmissionCounts, StartContext, StartKind, blocking_limit
from shared.domain.policy import Policy

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
LATER = NOW + timedelta(hours=1)
ACK = Acknowledgement("ann", NOW, "v", RISKS)
BATCH = Batch("b1", BatchState.OPEN, 2, NOW, "api", "ann", Selection(("cn-hangzhou",)), Policy(), acknowledgement=ACK)
BOB, EVE = Caller("bob", Trust.VERIFIED, door="gateway"), Caller("eve")
PAUSED = brake.pause_batch(BATCH, BOB, "the pager", NOW).after
SPENT = brake.pause_batch_at_budget(BATCH, "2 failed (m1, m2), the budget is 1", NOW).after
STOPPED = brake.stop_batch(BATCH, BOB, "wrong image", NOW).after
FAILED = {"m1": 1, "m2": 3}


def code(refused: pytest.ExceptionInfo[Refused]) -> tuple[str, int]:
    return refused.value.code, refused.value.status


def test_an_act_moves_the_version_and_leaves_a_line() -> None:
    change = brake.pause_batch(BATCH, BOB, "the pager", NOW)
    assert change.after.version == change.line.version == BATCH.version + 1
    assert (change.line.act, change.line.by, change.line.why) == ("pause", "bob", "the pager")
    assert (change.line.trust, change.line.door) == ("verified", "gateway")
    assert change.after.control.brake is PauseState.PAUSED
    assert replace(change.after, control=BATCH.control, version=BATCH.version) == BATCH, "it changes nothing else"


def test_a_resume_after_a_pause_at_the_budget_restarts_the_count() -> None:
    change = brake.resume_batch(SPENT, EVE, "the mirror is back", LATER, FAILED, 2)
    assert change.after.control.brake is PauseState.OFF
    assert change.forgiven == FAILED


@pytest.mark.parametrize("batch", [PAUSED, STOPPED])
def test_any_other_resume_leaves_the_count_alone(batch: Batch) -> None:
    assert brake.resume_batch(batch, EVE, "it is over", LATER, FAILED, 2).forgiven == {}


def test_a_resume_is_refused_if_more_have_failed_than_the_person_saw() -> None:
    with pytest.raises(Refused) as refused:
        brake.resume_batch(SPENT, EVE, "", LATER, {**FAILED, "m3": 1}, 2)
    assert code(refused) == ("Batch.FailedSince", 409)
    assert "m3" in refused.value.message


def test_what_makes_no_sense_is_refused() -> None:
    for batch in (PAUSED, SPENT, STOPPED):
        with pytest.raises(Refused) as refused:
            brake.pause_batch(batch, BOB, "", NOW)
        assert code(refused) == ("Batch.NotRunning", 409)
    with pytest.raises(Refused) as refused:
        brake.resume_batch(BATCH, BOB, "", NOW, {}, 0)
    assert code(refused) == ("Batch.NotPaused", 409)
    with pytest.raises(Refused) as refused:
        brake.stop_batch(STOPPED, EVE, "", NOW)
    assert code(refused) == ("Batch.NotRunning", 409)


@pytest.mark.parametrize("act", [brake.pause_batch, brake.stop_batch])
@pytest.mark.parametrize(("state", "wanted"), [(BatchState.PLANNING, "Batch.StillPlanning"), (BatchState.CLOSED, "Batch.Closed")])
def test_only_an_open_batch_can_be_paused_or_stopped(act: object, state: BatchState, wanted: str) -> None:
    with pytest.raises(Refused) as refused:
        act(replace(BATCH, state=state), BOB, "", NOW)  # type: ignore[operator]
    assert code(refused) == (wanted, 409)


@pytest.mark.parametrize("batch", [PAUSED, SPENT])
def test_a_paused_batch_can_be_stopped(batch: Batch) -> None:
    assert brake.stop_batch(batch, EVE, "", LATER).after.control.brake is PauseState.STOPPED


def test_nobody_acknowledges_or_retries_in_a_stopped_batch() -> None:
    with pytest.raises(Refused) as refused:
        acts.acknowledge_batch(replace(STOPPED, acknowledgement=None), "ann", RISKS_VERSION, NOW)
    assert code(refused) == ("Batch.Stopped", 409)
    with pytest.raises(Refused) as refused:
        acts.check_batch_not_stopped(STOPPED.summary)
    assert "replank resume b1" in refused.value.remedy
    acts.check_batch_not_stopped(PAUSED.summary)


def test_the_tick_looks_at_a_stopped_batch_that_nobody_acknowledged() -> None:
    assert needs_tick(replace(STOPPED, acknowledgement=None).summary)
    assert not needs_tick(replace(PAUSED, acknowledgement=None).summary)
    assert not needs_tick(replace(STOPPED, state=BatchState.CLOSED).summary)


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (PAUSED, ("paused by bob since 2026-11-23 08:00 UTC: the pager", "replank resume b1")),
        (SPENT, ("paused at its failure budget", "2 failed (m1, m2), the budget is 1", "replank resume b1")),
        (STOPPED, ("stopped by bob", "wrong image", "replank resume b1")),
    ],
)
def test_what_waits_is_told_who_holds_it_and_what_lets_it_go_on(batch: Batch, words: tuple[str, ...]) -> None:
    scene = StartContext(batch.summary, AdmissionCounts(frozenset(), frozenset(), 0, 0), NOTHING_HELD, LATER, 20)
    held = blocking_limit(StartKind.RETRY_SNAPSHOT, scene)
    assert held is not None
    assert [word for word in words if word not in held.reason] == []


def test_the_same_act_once_more_is_known_by_its_person() -> None:
    assert brake.is_repeat_of_last_act(PAUSED, "pause", "bob")
    assert not brake.is_repeat_of_last_act(PAUSED, "pause", "eve")
    assert not brake.is_repeat_of_last_act(PAUSED, "stop", "bob")
    assert not brake.is_repeat_of_last_act(BATCH, "resume", "")
    assert brake.is_repeat_of_last_act(brake.resume_batch(PAUSED, EVE, "", LATER, {}, 0).after, "resume", "eve")
