"""``python -m tests.simulation.run``: many seeds, their figures, and the first violation with a trace a person can read."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.domain.migration import TRANSITIONS, State
from tests.simulation.scenario import KINDS, draw
from tests.simulation.shrink import shrink
from tests.simulation.simulation import Report, prepared, run_seed

CHUNK = 25
"""Seeds one process runs before it hands its figures over."""


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
    broken: list[tuple[int, str]] = field(default_factory=list)

    def add(self, report: Report) -> None:
        """Count one run."""
        self.seeds += 1
        self.migrations += report.migrations
        self.calls += report.calls
        self.injected += report.injected
        self.states += report.states
        self.transitions += report.transitions
        self.ended += report.ended
        if report.violations:
            self.broken.append((report.seed, str(report.violations[0])))

    def merge(self, other: Figures) -> None:
        """Count what another process has counted."""
        self.seeds += other.seeds
        self.migrations += other.migrations
        self.calls += other.calls
        for name in ("injected", "states", "transitions", "ended"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.broken += other.broken


def run_range(first: int, count: int) -> Figures:
    """The figures of some seeds."""
    figures = Figures()
    with prepared():
        for seed in range(first, first + count):
            figures.add(run_seed(seed))
    return figures


def _chunks(first: int, count: int) -> list[tuple[int, int]]:
    return [(start, min(CHUNK, first + count - start)) for start in range(first, first + count, CHUNK)]


def _results(first: int, count: int, jobs: int) -> Iterator[Figures]:
    chunks = _chunks(first, count)
    if jobs == 1:
        yield from (run_range(*chunk) for chunk in chunks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=20) as pool:
        yield from pool.imap_unordered(_run_chunk, chunks)


def _run_chunk(chunk: tuple[int, int]) -> Figures:
    return run_range(*chunk)


def show(figures: Figures, seconds: float) -> str:
    """The figures as text."""
    rate = figures.seeds / seconds if seconds else 0
    lines = [
        f"{figures.seeds} seeds in {seconds:.0f} s ({rate:.2f} seeds/s), {figures.migrations} migrations, {figures.calls} calls, "
        f"{sum(figures.injected.values())} faults, {len(figures.broken)} seeds with a violation",
        "faults: " + ", ".join(f"{kind} {figures.injected[kind]}" for kind in KINDS),
        "ended:  " + ", ".join(f"{state} {count}" for state, count in sorted(figures.ended.items())),
    ]
    known = {(before.value if before else "", after.value) for before, afters in TRANSITIONS.items() for after in afters}
    missing = sorted(f"{before or 'new'}->{after}" for before, after in known - set(figures.transitions))
    unseen = sorted({state.value for state in State} - set(figures.states))
    lines.append(f"states: {len(State) - len(unseen)} of {len(State)} covered{', not ' + ', '.join(unseen) if unseen else ''}")
    covered = len(known) - len(missing)
    lines.append(f"transitions: {covered} of {len(known)} covered{', not ' + ', '.join(missing) if missing else ''}")
    lines += [f"seed {seed}: {sentence}" for seed, sentence in sorted(figures.broken)[:10]]
    return "\n".join(lines)


def explain(seed: int, *, seconds: float) -> str:
    """A violating seed again, with as few faults as are enough."""
    with prepared():
        report = run_seed(seed, keep_trace=True)
        if not report.violations:
            return f"seed {seed}: no violation"
        small, kept = shrink(report, seconds=seconds)
    names = _names(small)
    head = f"seed {seed}: {small.violations[0]}\n{len(kept)} of {len(report.done)} faults are enough: {kept}\n"
    return head + small.trace.show(names)


def _names(report: Report) -> tuple[str, ...]:
    """The ids that the violation's sentence names."""
    sentence = " ".join(violation.sentence for violation in report.violations)
    return tuple(name for name in report.names if name in sentence)


def replay(seed: int) -> int:
    """Print the whole timeline of a seed."""
    with prepared():
        report = run_seed(seed, keep_trace=True)
    print(draw(seed))
    print(report.trace.show())
    print("\n".join(str(violation) for violation in report.violations) or "no violation")
    return 1 if report.violations else 0


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 where an invariant was broken."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds (default 100)")
    parser.add_argument("--seed", type=int, default=0, help="the first one (default 0)")
    parser.add_argument("--replay", type=int, help="show the timeline of one seed instead")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--shrink", type=float, default=120.0, help="seconds spent on the minimal trace (default 120)")
    chosen = parser.parse_args(arguments)
    if chosen.replay is not None:
        return replay(chosen.replay)
    total, started = Figures(), time.monotonic()
    for figures in _results(chosen.seed, chosen.seeds, chosen.jobs):
        total.merge(figures)
        for seed, sentence in figures.broken:
            print(f"\nseed {seed}: {sentence}", file=sys.stderr)
        print(f"\r{total.seeds} seeds, {total.migrations} migrations, {len(total.broken)} violations", end="", file=sys.stderr)
    print(file=sys.stderr)
    print(show(total, time.monotonic() - started))
    if total.broken:
        print(explain(min(total.broken)[0], seconds=chosen.shrink))
    return 1 if total.broken else 0


if __name__ == "__main__":
    sys.exit(main())
