"""`replank local` as a user types it: each command a process of its own, in a folder that is no checkout."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleets import fleet, instance
from tests.support.repository import ROOT


class LocalShell:
    """A shell in a folder; ``environment`` is what it has exported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("REPLANK_", "ALIBABA_"))}
        self.environment["PYTHONPATH"] = str(ROOT)

    def run(self, line: str, status: int = 0) -> tuple[str, str]:
        """Output and errors of `replank LINE`, which must end with this status."""
        command = [sys.executable, "-m", "cli", *shlex.split(line)]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == status, f"{line}: {done.stdout[-1500:]}{done.stderr[-1500:]}"
        return done.stdout, done.stderr

    def export(self, said: str) -> None:
        """eval "$(...)"."""
        for line in said.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["export"]:
                name, _, value = words[1].partition("=")
                self.environment[name] = value

    def json(self, line: str) -> Any:
        return json.loads(self.run(f"{line} --json")[0])

    @property
    def pid(self) -> int:
        return int(json.loads((self.folder / "run/cloud/running.json").read_text())["pid"])

    def write(self, name: str, document: Any) -> None:
        (self.folder / name).write_text(json.dumps(document))


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[LocalShell]:
    made = LocalShell(tmp_path)
    try:
        yield made
    finally:
        for folder in ("run/cloud", "other"):
            made.run(f"local down --state {tmp_path / folder}")


def ends(pid: int) -> bool:
    """Whether the process ends within ten seconds: its lock goes first, and a busy machine needs a moment for the rest."""
    for _ in range(100):
        if not alive(pid):
            return True
        time.sleep(0.1)
    return False


def alive(pid: int) -> bool:
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()
    return bool(told) and not told.startswith("Z")


def test_a_cloud_comes_up_is_used_by_other_commands_and_goes_down(shell: LocalShell) -> None:
    shell.write("fleet.json", fleet(instance(1)))
    shell.write("more.json", fleet(instance(2, RegionId="cn-beijing")))
    said, told = shell.run("local up --fleet fleet.json --step --port 0")
    assert f"process {shell.pid}" in told
    shell.export(said)
    elsewhere = shell.folder / "elsewhere"
    elsewhere.mkdir()
    shell.folder, before = elsewhere, shell.folder

    batch = shell.json("submit -i i-test0001")["batchId"]
    shell.run("local clock --advance 10m")
    assert [each["state"] for each in shell.json(f"status {batch}")["migrations"]] == ["ready"]
    assert [each["name"] for each in shell.json("doctor")["checks"] if not each["ok"]] == [], "the smc driver's settings too"

    assert "Fleet.AlreadyThere" in shell.run(f"local load {before / 'fleet.json'}", status=2)[1]
    assert "1 instances loaded" in shell.run(f"local load {before / 'more.json'}")[0]
    batch = shell.json("submit -i i-test0002 --region cn-beijing")["batchId"]
    shell.run("local clock --advance 10m")
    assert [each["state"] for each in shell.json(f"status {batch}")["migrations"]] == ["ready"]

    again, told = shell.run("local up")
    assert "already runs" in told
    assert again == said
    assert "Option.NoEffect: --speed" in shell.run("local up --speed 5", status=2)[1]
    assert shell.json("local clock --speed 600")["speed"] == 600

    pid = json.loads((before / "run/cloud/running.json").read_text())["pid"]
    assert "has ended" in shell.run("local down")[0]
    assert ends(pid)
    assert "No local cloud runs" in shell.run("local down")[1]


def test_after_kill_9_it_comes_up_again_with_everything_that_was_there(shell: LocalShell) -> None:
    shell.write("fleet.json", fleet(instance(1)))
    shell.export(shell.run("local up --fleet fleet.json --step --port 0")[0])
    batch = shell.json("submit -i i-test0001 --dry-run")["batchId"]
    first = shell.pid
    os.kill(first, signal.SIGKILL)
    assert "LocalCloud.NotRunning" in shell.run("local env", status=1)[1]
    shell.export(shell.run("local up --step --port 0")[0])
    assert shell.pid != first
    assert [each["batchId"] for each in shell.json("status")["batches"]] == [batch]
    assert "State.OtherRun" in shell.run("local down")[0] + shell.run("local up --fleet fleet.json", status=2)[1]


def test_a_mistake_in_a_file_starts_nothing_and_a_port_in_use_leaves_nothing(shell: LocalShell) -> None:
    shell.write("fleet.json", fleet(instance(1), guests={"i-test0001": {"kernal": "x", "users": [1]}}))
    told = shell.run("local up --fleet fleet.json", status=2)[1]
    assert "2 problems" in told
    assert "kernal" in told
    assert "users.0" in told
    assert not (shell.folder / "run").exists()

    shell.write("fleet.json", fleet(instance(1)))
    shell.run("local up --fleet fleet.json --port 0 --step --state other")
    port = json.loads((shell.folder / "other/running.json").read_text())["fc"].rpartition(":")[2]
    told = shell.run(f"local up --fleet fleet.json --port {port}", status=1)[1]
    assert "cannot be used" in told
    assert "--port" in told
    shell.run("local up --fleet fleet.json --port 0 --step")
    shell.run("local down --state other")
