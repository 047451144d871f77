"""The result of one seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.judge import Violation
from tests.simulation.trace import RunTrace


@dataclass
class SeedReport:
    """The result of one seed."""

    seed: int
    violations: list[Violation]
    migrations: int
    injected: Counter[str]
    states: Counter[str]
    transitions: Counter[tuple[str, str]]
    failures: Counter[str]
    ended: Counter[str]
    calls: int
    digest: str
    seconds: float
    done: list[int]
    trace: RunTrace = field(repr=False)
    names: tuple[str, ...] = ()
