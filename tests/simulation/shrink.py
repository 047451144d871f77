"""Reduces a run that breaks an invariant to the few faults that are enough to break it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from tests.simulation.seed_report import SeedReport
from tests.simulation.simulation import run_seed


def shrink(report: SeedReport, *, seconds: float = 120.0) -> tuple[SeedReport, list[int]]:
    """A run of the same seed with fewer faults and the same violation (by number), and the numbers of these faults. The
    search has a time limit.
    """
    until = time.monotonic() + seconds
    kind = _kind(report)
    best, kept = report, list(report.done)
    size = max(1, len(kept) // 2)
    while kept and time.monotonic() < until:
        removed = False
        place = 0
        while place < len(kept) and time.monotonic() < until:
            fewer = kept[:place] + kept[place + size :]
            found = _again(report.seed, fewer)
            if kind in _kinds(found):
                best, kept, removed = found, [each for each in found.done if each in set(fewer)], True
            else:
                place += size
        if size == 1 and not removed:
            break
        size = max(1, size // 2)
    final = run_seed(report.seed, keep_trace=True, allowed=frozenset(kept).__contains__)
    return (final if final.violations else best), kept


_ID = re.compile(r"\b(?:[a-z]{1,2}-\w+|[mb][0-9a-f]{16})\b|[\d-]+")


def _kinds(report: SeedReport) -> set[str]:
    """The violations' sentences without ids and numbers."""
    return {_ID.sub("#", str(violation)) for violation in report.violations}


def _kind(report: SeedReport) -> str:
    return _ID.sub("#", str(report.violations[0]))


def _again(seed: int, faults: Iterable[int]) -> SeedReport:
    return run_seed(seed, allowed=frozenset(faults).__contains__)
