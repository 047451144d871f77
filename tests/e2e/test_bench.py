"""The benches that no other test runs still work: each in its smallest form, as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results" / "services.json"


def test_every_service_is_measured_through_the_door_of_the_cloud() -> None:
    kept = RESULTS.read_bytes()
    command = [sys.executable, "-W", "ignore", "-m", "bench.services", "--try"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    cells = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines() if line.startswith("|")]
    assert [row[1] for row in cells[2:]] == ["Tablestore", "Tablestore", "EventBridge", "Function Compute", "ECS", "SMC"]
    assert RESULTS.read_bytes() == kept
