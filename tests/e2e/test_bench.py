"""The benches that no other test runs still work: each in its smallest form, as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import slots

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results" / "services.json"
MINUTE_MS = 60_000.0


def test_the_slots_of_a_small_fleet_are_measured() -> None:
    found = slots.figures(4, 2)
    assert found["held"] == pytest.approx(sum(found["phases"].values()))
    assert found["cloud"] == pytest.approx(sum(found["phases"][name] for name in slots.CLOUDS))
    assert min(found["phases"].values()) >= 0
    assert 1 <= found["hold_ratio"] < found["makespan_ratio"]


def test_two_hops_that_share_a_slot_have_a_bound() -> None:
    names = ("taken", "asked", "copied", "snapshotted", "started", "finished", "back", "validating", "released")
    first = dict(zip(names, (minute * MINUTE_MS for minute in (1, 2, 4, 5, 6, 20, 30, 31, 33)), strict=True)) | {"noticed": 0}
    second = {name: at + 34 * MINUTE_MS for name, at in first.items()}
    found = slots.ratios([first, second], 0.0, 1)
    assert (found["cloud"], found["held"], found["refill"], found["last"]) == (26, 32, 2, 0)
    assert found["makespan_ratio"] == pytest.approx(67 / 52)


def test_every_service_is_measured_through_the_door_of_the_cloud() -> None:
    kept = RESULTS.read_bytes()
    command = [sys.executable, "-W", "ignore", "-m", "bench.services", "--try"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    cells = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines() if line.startswith("|")]
    assert [row[1] for row in cells[2:]] == ["Tablestore", "Tablestore", "EventBridge", "Function Compute", "ECS", "SMC"]
    assert RESULTS.read_bytes() == kept


@pytest.mark.long
def test_two_clouds_are_measured_by_turns() -> None:
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("needs the repository with its commits")
    command = [sys.executable, "-W", "ignore", "-m", "bench.against", "HEAD", "--try"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if line.startswith("|")][2:]
    assert len(rows) == 8
    assert all(float(cell) > 0 for row in rows for cell in row[1:3])
