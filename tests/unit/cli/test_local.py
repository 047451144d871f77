"""The parts of `replank local` that need no cloud: spans of time, folders of other programs, and files that a dead process left."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from cli.local.command import seconds_in_span
from cli.local.place import MARK, RUNNING, StateFolder
from cli.main import run
from cli.problem import BAD_INPUT, Problem
from tests.support.repository import ROOT


@pytest.mark.parametrize(("span", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d12h", 129_600), ("0s", 0)])
def test_spans_of_time(span: str, seconds: int) -> None:
    assert seconds_in_span(span) == seconds


@pytest.mark.parametrize("span", ["", " ", "5", "-1h", "1h1d", "1.5h", "h"])
def test_what_is_no_span_of_time(span: str) -> None:
    with pytest.raises(Problem, match=r"Option\.Invalid") as raised:
        seconds_in_span(span)
    assert raised.value.exit_status == BAD_INPUT


def test_a_folder_that_holds_something_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Problem, match=r"State\.NotOurs"):
        StateFolder.from_path(tmp_path)
    (tmp_path / MARK).write_text("{")
    with pytest.raises(Problem, match=r"State\.NotOurs"):
        StateFolder.from_path(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {"thesis.txt", MARK}


def test_a_folder_of_a_start_that_failed_can_be_used_again(tmp_path: Path) -> None:
    (tmp_path / "localcloud.log").write_text("no port")
    assert StateFolder.from_path(tmp_path).mark == {}
    assert StateFolder.from_path(tmp_path / "none").mark == {}


def test_the_file_of_a_dead_process_is_no_running_cloud(tmp_path: Path) -> None:
    """Another program may have the process id by now. Only the lock tells whether the process lives."""
    file = tmp_path / RUNNING
    file.write_text(json.dumps({"pid": 1}))
    (tmp_path / "cloud.sqlite").touch()
    place = StateFolder.from_path(tmp_path)
    assert place.running_cloud() is None
    assert not place.stop_cloud()
    with file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        running = place.running_cloud()
    assert running is not None
    assert running.ready == {"pid": 1}


@pytest.mark.parametrize("line", ["local env", "local load", "local clock", "local clock --advance 1h"])
def test_without_a_cloud_it_is_told_how_to_start_one(line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*line.split(), "--state", str(tmp_path / "none")]) == 1
    told = capsys.readouterr().err
    assert told.startswith("LocalCloud.NotRunning: ")
    assert "replank local up" in told


def test_down_twice_says_so_and_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["local", "down", "--state", str(tmp_path / "none")]) == 0
    assert "No local cloud runs" in capsys.readouterr().err


def test_the_schema_that_is_printed_is_the_one_that_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["local", "load", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((ROOT / "localcloud/ecs/fleet.schema.json").read_text())
