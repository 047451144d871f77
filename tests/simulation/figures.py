"""The figures of many runs: sums that can be shown, merged and stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.records import TRANSITIONS, State
from tests.simulation.scenario import KINDS
from tests.simulation.seed_report import SeedReport
from tests.simulation.tools import FAULTS

_SUMS = ("seeds", "migrations", "calls")
_COUNTS = ("injected", "states", "ended", "failures")


@dataclass
class Figures:
    """The sums of many runs."""

    seeds: int = 0
    migrations: int = 0
    calls: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """The number of failures, by the code in the journal."""
    broken: list[tuple[int, str]] = field(default_factory=list)

    def add(self, report: SeedReport) -> None:
        """Count one run."""
        self.seeds += 1
        self.migrations += report.migrations
        self.calls += report.calls
        self.injected += report.injected
        self.states += report.states
        self.transitions += report.transitions
        self.ended += report.ended
        self.failures += report.failures
        if report.violations:
            self.broken.append((report.seed, str(report.violations[0])))

    def as_json(self) -> dict[str, Any]:
        """All figures as JSON values; ``from_json`` reads them."""
        return {
            **{name: getattr(self, name) for name in _SUMS},
            **{name: dict(sorted(getattr(self, name).items())) for name in _COUNTS},
            "transitions": {"->".join(pair): count for pair, count in sorted(self.transitions.items())},
            "broken": [list(each) for each in self.broken],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Figures:
        """The figures that ``as_json`` wrote. Raises KeyError or ValueError for any other value."""
        sums: dict[str, Any] = {name: int(values[name]) for name in _SUMS}
        counts: dict[str, Any] = {name: Counter(values[name]) for name in _COUNTS}
        found = cls(**sums, **counts)
        for pair, count in values["transitions"].items():
            before, after = pair.split("->")
            found.transitions[before, after] = count
        found.broken = [(int(seed), str(sentence)) for seed, sentence in values["broken"]]
        return found

    def merge(self, other: Figures) -> None:
        """Add the figures of another process."""
        for name in (*_SUMS, *_COUNTS, "transitions"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.broken += other.broken


def show(figures: Figures, seconds: float) -> str:
    """The figures as text. ``seconds`` is the sum over all processes; the rate is per process."""
    rate = figures.seeds / seconds if seconds else 0
    lines = [
        f"{figures.seeds} seeds in {seconds:.0f} s of one process ({rate:.2f} seeds/s), {figures.migrations} migrations, "
        f"{figures.calls} calls, {sum(figures.injected.values())} faults, {len(figures.broken)} seeds with a violation",
        "faults: " + ", ".join(f"{kind} {figures.injected[kind]}" for kind in (*KINDS, *FAULTS)),
        "ended:  " + ", ".join(f"{state} {count}" for state, count in sorted(figures.ended.items())),
        "failed: " + ", ".join(f"{code} {count}" for code, count in sorted(figures.failures.items())),
    ]
    known = {(before.value if before else "", after.value) for before, afters in TRANSITIONS.items() for after in afters}
    missing = sorted(f"{before or 'new'}->{after}" for before, after in known - set(figures.transitions))
    unseen = sorted({state.value for state in State} - set(figures.states))
    lines.append(f"states: {len(State) - len(unseen)} of {len(State)} covered{', not ' + ', '.join(unseen) if unseen else ''}")
    covered = len(known) - len(missing)
    lines.append(f"transitions: {covered} of {len(known)} covered{', not ' + ', '.join(missing) if missing else ''}")
    lines += [f"seed {seed}: {sentence}" for seed, sentence in sorted(figures.broken)[:10]]
    return "\n".join(lines)
