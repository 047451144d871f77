"""Prints how much of the library the unit and contract tests run: ``python -m tests.covered FILE`` (a report of slipcover)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LISTED = 5


def in_words(report: dict[str, Any]) -> str:
    """One line with the share of all lines, and one for each of the files that lack most."""
    whole = report["summary"]
    lines = whole["covered_lines"] + whole["missing_lines"]
    lacking = sorted(report["files"].items(), key=lambda each: (-len(each[1]["missing_lines"]), each[0]))[:LISTED]
    said = [f"coverage by unit and contract tests: {whole['percent_covered']:.1f} % of {lines} lines; most lines missing in"]
    said += [f"  {name}: {len(found['missing_lines'])} lines" for name, found in lacking if found["missing_lines"]]
    return "\n".join(said)


if __name__ == "__main__":
    print(in_words(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
