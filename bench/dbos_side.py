"""Runs ``bench.dbos_step`` in DBOS's own environment, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import postgres
from bench.report import interpreter
from tools.package.wheelhouse import ROOT

PYTHON = ROOT / "build" / "bench" / "dbos" / "bin" / "python"
PATIENCE_S = 600.0
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


@dataclass(frozen=True)
class Counts:
    """How many steps in how many turns, hand-overs with little polling, and hand-overs with the default polling are measured."""

    steps: int
    turns: int
    handovers: int
    polled: int


def need_same_python() -> None:
    """End the process with status 1 if DBOS is installed in an environment with another Python than this one."""
    if not PYTHON.exists():
        return
    command = [str(PYTHON), "-c", "from bench.report import interpreter; print(interpreter())"]
    theirs = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    if theirs != interpreter():
        sys.exit(
            f"DBOS has Python {theirs}, and this is Python {interpreter()}: such times are not comparable. Remove "
            "build/bench, then make bench installs DBOS with this Python."
        )


def measured(counts: Counts) -> dict[str, dict[str, Any]]:
    """What DBOS measured, by database. A database or DBOS itself that is not installed is left out."""
    if not PYTHON.exists():
        return {}
    with tempfile.TemporaryDirectory(prefix="replank-dbos-") as folder:
        found = {SQLITE: _run(f"sqlite:///{Path(folder) / 'dbos.sqlite'}", counts)}
    if (programs := postgres.programs()) is not None:
        with postgres.server(programs) as url:
            found[POSTGRESQL] = {**_run(url, counts), "version": postgres.version(programs)}
    return found


def _run(url: str, counts: Counts) -> dict[str, Any]:
    asked = json.dumps({"url": url, **vars(counts)})
    command = [str(PYTHON), "-m", "bench.dbos_step"]
    done = subprocess.run(command, cwd=ROOT, input=asked, capture_output=True, text=True, timeout=PATIENCE_S)
    line = next((line for line in done.stdout.splitlines() if line.startswith("{")), None)
    if line is None:
        sys.exit(f"DBOS did not measure anything: {done.stderr.strip()[-2000:]}")
    return dict(json.loads(line))
