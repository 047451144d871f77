"""`replank run` as a user starts it: a process of its own, with the local cloud as its child."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleets import WINDOWS_2008, fleet, instance
from tests.support.repository import ROOT

LIMIT_S = 240
FAILING_ONCE = {"i-test0001": {"smc": {"fail_attempts": 1, "cause": "no repository"}}}


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a run; its output is piped. It hears Ctrl-C even where these tests run as a background job, which would ignore it."""
    command = [sys.executable, "-m", "cli", "run", "--on", "2026-11-23", *arguments]

    def hear() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ}, preexec_fn=hear
    )


def written(folder: Path, document: Any, name: str = "fleet.json") -> str:
    file = folder / name
    file.write_text(json.dumps(document), encoding="utf-8")
    return str(file)


def children_of(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(each) for each in listed.split()]


def is_alive(pid: int) -> bool:
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()
    return bool(told) and not told.startswith("Z")


def wait_for(said: str, process: subprocess.Popen[str]) -> None:
    """Read the output until a line holds ``said``."""
    assert process.stdout is not None
    for line in process.stdout:
        if said in line:
            return
    raise AssertionError(f"it ended without saying {said!r}")


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.long)])
def test_a_run_that_was_ended_in_the_middle_is_continued(tmp_path: Path, number: int) -> None:
    """However it ended, the same options with the same state finish the fleet: nothing is done twice, nothing is lost."""
    document = fleet(instance(1), instance(2, WINDOWS_2008), instance(3, Status="Stopped"), guests=FAILING_ONCE)
    arguments = [
        "--fleet",
        written(tmp_path, document),
        "--state",
        str(tmp_path / "state"),
        "--report",
        str(tmp_path / "report.json"),
    ]
    first = start(*arguments)
    wait_for("migrating", first)
    (child,) = children_of(first.pid)
    first.send_signal(number)
    said, _ = first.communicate(timeout=60)
    assert number == signal.SIGKILL or f"--state {tmp_path / 'state'}" in said, "it says how to continue"
    deadline = time.monotonic() + 20
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_alive(child), "a killed run takes its cloud with it"
    second = start(*arguments)
    said, _ = second.communicate(timeout=LIMIT_S)
    assert second.returncode == 0, said
    rows = {row["instanceId"]: row for row in json.loads((tmp_path / "report.json").read_text())["migrations"]}
    assert {each: row["result"] for each, row in rows.items()} == {
        "i-test0001": "completed",
        "i-test0002": "completed",
        "i-test0003": "refused",
    }
    assert [(rows[each]["hops"], rows[each]["attempts"]) for each in ("i-test0001", "i-test0002")] == [(1, 2), (2, 1)]
    assert rows["i-test0003"]["reasons"][0]["code"] == "Instance.NotRunning"
    assert all(reason["remedy"] for reason in rows["i-test0003"]["reasons"])


def test_an_outcome_that_was_not_expected_ends_with_1(tmp_path: Path) -> None:
    document = fleet(instance(1, Status="Stopped"))
    expect = written(tmp_path, {"expected": {"i-test0001": "completed"}}, "expect.json")
    arguments = ["--fleet", written(tmp_path, document), "--expect", expect, "--state", str(tmp_path / "state")]
    process = start(*arguments, "--report", str(tmp_path / "report.json"))
    said, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert "expected completed" in said


def test_a_state_of_another_run_is_left_alone(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "replank-run.json").write_text('{"plan": "other", "disks": {}}')
    process = start("--fleet", written(tmp_path, fleet(instance(1))), "--state", str(state))
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, "State.OtherRun" in said) == (2, True)
