"""Waves: how a batch is cut, what its policy may contain, and when the next wave may begin."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import brake, waves
from shared.domain.batch import RISKS, Acknowledgement, Batch, BatchState, Selection, Waves
from shared.domain.caller import Caller
from shared.domain.errors import Refused
from shared.domain.policy import Policy, parse_policy
from shared.domain.window import NEVER

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
ACK = Acknowledgement("ann", NOW, "v", RISKS)
POLICY = Policy(waves=("1", "x2"), soak_min=30, gate="approval")
BATCH = Batch("b1", BatchState.OPEN, 2, NOW, "api", "ann", Selection(()), POLICY, acknowledgement=ACK)


@pytest.mark.parametrize(
    ("total", "sizes", "cut"),
    [
        (10, ("1", "3"), [1, 3, 3, 3]),
        (10, ("4",), [4, 4, 2]),
        (100, ("1", "10", "50", "25%"), [1, 10, 50, 25, 14]),
        (3, ("10%",), [1, 1, 1]),
        (40, ("1", "x2"), [1, 2, 4, 8, 16, 9]),
        (7, ("25%", "x3"), [2, 5]),
        (0, ("5",), []),
    ],
)
def test_the_last_size_repeats_or_grows(total: int, sizes: tuple[str, ...], cut: list[int]) -> None:
    assert [len(wave) for wave in waves.divide_into_waves([f"m{number}" for number in range(total)], sizes)] == cut


@given(st.integers(0, 300), st.lists(st.sampled_from(["1", "2", "7", "50", "3%", "25%", "99%"]), min_size=1, max_size=5))
def test_everybody_is_in_one_wave_and_none_is_empty(total: int, sizes: list[str]) -> None:
    ids = [f"m{number}" for number in range(total)]
    found = waves.divide_into_waves(ids, sizes)
    assert [id for wave in found for id in wave] == ids
    assert all(found)


def test_who_was_in_no_wave_moves_with_the_last() -> None:
    found = Waves([("ma",), ("mb", "mc"), ("md",)])
    assert [found.wave_number(each) for each in ("ma", "mc", "md", "mlate")] == [0, 1, 2, 2]
    assert Waves().wave_number("ma") == 0


@pytest.mark.parametrize("wrong", [["0"], ["x2"], ["x2", "3"], ["100%"], ["1.5"], ["-1"], [""], ["1"] * 51, ["10000"]])
def test_sizes_that_cut_nothing_are_refused(wrong: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        parse_policy({"waves": wrong})
    assert refused.value.code == "Policy.Invalid"
    assert "policy.waves" in refused.value.message


def test_a_gate_is_one_of_two() -> None:
    assert parse_policy({"waves": ["1"], "gate": "approval", "soakMin": 30}) == replace(POLICY, waves=("1",), window=NEVER)
    with pytest.raises(Refused):
        parse_policy({"gate": "open"})


def code(batch: Batch, now: datetime = NOW, count: int = 3) -> str:
    try:
        waves.check_next_wave_can_begin(batch, count, now)
    except Refused as refused:
        return refused.code
    return ""


def test_a_person_lets_the_next_begin_only_after_the_soak() -> None:
    over = NOW + timedelta(minutes=30)
    assert code(BATCH) == "Wave.NotEnded"
    ended = waves.batch_with_wave_ended(BATCH, NOW)
    assert ended.version == BATCH.version + 1
    assert code(ended, over - timedelta(seconds=1)) == "Wave.NotEnded"
    assert code(ended, over) == ""
    assert code(ended, over, count=1) == "Wave.NoNext"
    assert code(brake.pause_batch(ended, Caller("bob"), "", NOW).after, over) == "Wave.Paused"
    after, line = waves.batch_with_next_wave_open(ended, "eve", over, "verified", "gateway")
    assert (after.control.wave, after.control.wave_ended_at, after.version) == (1, None, ended.version + 1)
    assert (line.act, line.by, line.why, line.trust) == ("next wave", "eve", "wave 2 begins", "verified")


def test_a_pause_keeps_the_place_in_the_waves() -> None:
    second, _ = waves.batch_with_next_wave_open(waves.batch_with_wave_ended(BATCH, NOW), "watch", NOW)
    paused = brake.pause_batch(second, Caller("bob"), "", NOW).after
    assert paused.control.wave == 1
    assert brake.resume_batch(paused, Caller("bob"), "", NOW, {}, 0).after.control.wave == 1


def test_what_the_next_wave_waits_for_is_told_with_what_to_do() -> None:
    ended = waves.batch_with_wave_ended(BATCH, NOW)
    assert waves.why_next_wave_waits(BATCH.summary, NOW) == "wave 1 is under way"
    assert "soaks until 2026-11-23 08:30 UTC" in waves.why_next_wave_waits(ended.summary, NOW)
    assert "replank next-wave b1" in waves.why_next_wave_waits(ended.summary, NOW + timedelta(minutes=30))


@pytest.mark.parametrize(
    ("sizes", "valid"),
    [(["1", "x2"], True), (["5", "25%", "x9"], True), (["x2"], False), (["1", "x2", "5"], False), (["0"], False), ([], True)],
)
def test_only_the_last_of_several_sizes_may_be_a_factor(sizes: list[str], valid: bool) -> None:
    if valid:
        waves.check_wave_sizes(sizes, waves.BY_HAND)
        return
    with pytest.raises(Refused) as caught:
        waves.check_wave_sizes(sizes, waves.BY_HAND)
    assert caught.value.code == "Policy.Invalid"
