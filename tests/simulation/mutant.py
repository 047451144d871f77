"""A deliberate bug: the checker that must find it, and the scenario in which it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.scenario import Scenario

Patch = Any


@dataclass(frozen=True)
class Mutant:
    """One bug. The checker of the invariant ``found`` must find it within ``seeds`` consecutive seeds."""

    name: str
    found: int
    patches: Callable[[], list[Patch]]
    seeds: int = 12
    tune: Callable[[Scenario], Scenario] = lambda scenario: scenario
    """Changes the scenario if the bug needs special conditions, such as more faults of one kind or more failures."""
