"""Paced virtual time: it keeps the requested speed, never races to catch up, and sleeps while nobody needs it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from unittest import mock

import pytest

from localcloud.account import build, deploy, service
from localcloud.client import AdminError
from localcloud.core.claim import NAME
from localcloud.core.pace import AWAKE_S, CATCH_UP_S, Pace
from localcloud.core.pump import Pump
from localcloud.fc.inprocess import InProcessInvoker
from tools.deployed.application import write_application
from tools.deployed.process import Process, nothing_left_running

MINUTE_MS = 60_000


def paced(speed: float = 60) -> Pace:
    pace = Pace(speed, 100.0)
    pace.look(100.0, 0, calls=0, work=False)
    return pace


def test_time_runs_at_its_speed() -> None:
    pace = paced()
    assert pace.until_ms(MINUTE_MS) == 0
    assert pace.wait_s(MINUTE_MS) == pytest.approx(1.0)
    pace.look(101.0, 0, calls=0, work=False)
    assert pace.until_ms(MINUTE_MS) == MINUTE_MS
    pace.look(101.0, MINUTE_MS, calls=0, work=False)
    assert pace.until_ms(2 * MINUTE_MS) == MINUTE_MS, "what was earned is spent"


def test_between_two_things_due_the_clock_moves_in_turns_only() -> None:
    """Each move is a write to the disk, so the clock must not move with every look."""
    pace = paced()
    pace.look(100.5, 0, calls=0, work=False)
    assert pace.until_ms(10 * MINUTE_MS) == 0
    assert pace.until_ms(20_000) == 20_000, "what is due within reach is reached at its own moment"
    assert pace.wait_s(10 * MINUTE_MS) == pytest.approx(0.5)
    pace.look(101.0, 0, calls=0, work=False)
    assert pace.until_ms(None) == MINUTE_MS


def test_what_was_lost_is_caught_up_to_a_limit() -> None:
    pace = paced()
    pace.look(100.0 + CATCH_UP_S * 10, 0, calls=0, work=False)
    assert pace.until_ms(None) == CATCH_UP_S * MINUTE_MS


def test_it_sleeps_once_nobody_needs_it_and_wakes_with_a_call() -> None:
    pace = paced()
    pace.look(100.0 + AWAKE_S, 0, calls=0, work=False)
    assert pace.asleep
    assert pace.wait_s(MINUTE_MS) is None
    pace.look(9000.0, 0, calls=1, work=False)
    assert not pace.asleep
    assert pace.until_ms(None) <= CATCH_UP_S * MINUTE_MS, "the night is not caught up"
    pace.look(9000.0 + AWAKE_S - 1, 0, calls=1, work=False)
    assert not pace.asleep


def test_it_does_not_sleep_while_something_is_under_way() -> None:
    pace = paced()
    for turn in range(20):
        pace.look(100.0 + turn * AWAKE_S, 0, calls=0, work=True)
        assert not pace.asleep


def test_a_timer_and_the_invocation_it_makes_keep_nobody_awake(tmp_path: Path) -> None:
    """A tick each minute used to count as work, so the cloud never slept."""
    cloud = build(invoker=InProcessInvoker())
    deploy(cloud, write_application(tmp_path), "http://127.0.0.1:9")
    pump = Pump(cloud, speed=60)
    wall = mock.Mock(side_effect=(100.0 + turn for turn in itertools.count()))
    with mock.patch("localcloud.core.pump.time.monotonic", wall):
        pump.set_speed(60)
        for _ in range(int(AWAKE_S) * 8):
            pump.turn()
            if pump.asleep:
                break
    assert service(cloud, "fc").history.counts["app-echo"] > 50, "the timer ran"
    assert pump.asleep


def test_a_served_cloud_runs_at_its_speed_and_can_be_told_another(tmp_path: Path) -> None:
    with nothing_left_running():
        cloud = Process("--speed", "600", "--state", tmp_path)
        clock = cloud.admin("clock")
        assert (clock["speed"], clock["asleep"], clock["hold"]) == (600, False, False)
        cloud.until(lambda: cloud.admin("clock")["now_ms"] > clock["now_ms"])
        stopped = cloud.admin("clock", {"hold": True})["now_ms"]
        assert cloud.admin("clock", {"advance_s": 90})["now_ms"] == stopped + 90_000
        assert cloud.admin("clock", {"hold": False, "speed": 1})["speed"] == 1
        for wrong in (0, -1, "fast", True, 1e9):
            with pytest.raises(AdminError, match="speed must be a number above 0"):
                cloud.admin("clock", {"speed": wrong})


def test_a_running_cloud_is_found_in_its_folder(tmp_path: Path) -> None:
    with nothing_left_running():
        cloud = Process("--hold", "--state", tmp_path)
        file = tmp_path / NAME
        assert json.loads(file.read_text()) == {"pid": cloud.process.pid, **cloud.line}
        assert file.stat().st_mode & 0o777 == 0o600
        assert cloud.stop() == 0
        assert not file.exists()
