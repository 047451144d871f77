"""What all figures share: the description of the machine, the results file, the table."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.counts import grown

RESULTS = Path(__file__).with_name("results")


def machine() -> dict[str, Any]:
    """The machine of the measurement."""
    load = round(os.getloadavg()[0], 1)
    return {
        "python": interpreter(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": load,
    }


def interpreter() -> str:
    """The version of Python, and whether Python is a shared library, as in pyenv's builds.

    This matters: Debian's 3.11.2, which is not, needs a sixth less time for a fleet than a 3.11.7 that is.
    """
    maps = Path("/proc/self/maps")
    shared = maps.exists() and "libpython" in maps.read_text(encoding="utf-8")
    return platform.python_version() + (" (shared library)" if shared else "")


def revision() -> str:
    """The measured commit, with a mark if any file other than results and pages has changed; empty outside a repository."""
    changed = _git("status", "--porcelain", "--", "..", ":(exclude)results", ":(exclude)../docs")
    return _git("rev-parse", "--short=7", "HEAD") + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=RESULTS.parent, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def write(name: str, command: str, result: Mapping[str, Any]) -> None:
    """Write a figure's results file. Ends the process with status 1, and keeps the file, if a count grew.

    If the variable BENCH_ACCEPT is set (`make bench ACCEPT=1`), counts may grow.
    """
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    larger = grown(before, result)
    if larger and not os.environ.get("BENCH_ACCEPT"):
        told = "\n".join(larger)
        sys.exit(f"{path.name} is kept, because these counts grew (if that is meant: make bench ACCEPT=1):\n{told}")
    document = {"command": command, "machine": machine(), **result}
    path.write_text(json.dumps(document, indent=1, sort_keys=False) + "\n", encoding="utf-8")


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table with aligned columns."""
    texts = [[*heads], *([_shown(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(heads))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in texts]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _shown(cell: Any) -> str:
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)
