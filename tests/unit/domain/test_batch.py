"""Batches: windows, budgets, canaries and slots decide which migrations may start."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from shared.domain.batch import RISKS, Acknowledgement, Batch, BatchState, Selection
from shared.domain.codec import Signed, decode, encode
from shared.domain.policy import Policy
from shared.domain.window import Window

MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
ACK = Acknowledgement("ann", MONDAY, "v", RISKS)
BATCH = Batch(
    "b1", BatchState.OPEN, 2, MONDAY, "api", "ann", Selection(("cn-hangzhou",)), Policy(max_moving=3), acknowledgement=ACK
)


@pytest.mark.parametrize(
    ("hour", "minute", "open"),
    [(21, 59, False), (22, 0, True), (23, 30, True), (2, 59, True), (3, 0, False), (3, 30, False), (4, 0, False), (12, 0, False)],
)
def test_a_window_over_midnight_closes_an_hour_before_its_end(hour: int, minute: int, open: bool) -> None:
    assert Window("22:00", "04:00").allows_start(MONDAY.replace(hour=hour, minute=minute)) is open


def test_a_window_belongs_to_the_day_on_which_it_starts() -> None:
    mondays = Window("22:00", "04:00", days=(0,))
    assert mondays.allows_start(datetime(2026, 11, 24, 1, 0, tzinfo=timezone.utc))
    assert not mondays.allows_start(datetime(2026, 11, 23, 1, 0, tzinfo=timezone.utc))


def test_a_window_is_local_to_its_offset() -> None:
    in_china = Window("01:00", "05:00", utc_offset_min=Signed(480))
    assert in_china.allows_start(MONDAY.replace(hour=18))
    assert not in_china.allows_start(MONDAY.replace(hour=2))


def test_a_batch_reads_back_as_it_was_written() -> None:
    window = Window("22:00", "04:00", days=(5, 6), utc_offset_min=Signed(-300))
    full = replace(
        BATCH,
        policy=Policy(window=window, overrides={"A.B": "because"}),
        destinations={"i-1": "alinux-3"},
        problems=(("i-9", "Instance.NotFound", "no"),),
    )
    assert decode(Batch, encode(full), "batch") == full
