"""``python -m tests.simulation.run``: runs many seeds and prints their figures and the first violation, with a readable trace."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.simulation.figures import Figures, show
from tests.simulation.scenario import Scenario, draw
from tests.simulation.seed_report import SeedReport
from tests.simulation.shrink import shrink
from tests.simulation.simulation import prepared, run_seed
from tests.simulation.tally import Chunk, ChunkTally, OtherCode

CHUNK = 25
"""The number of seeds that one process runs before it returns its figures."""


def run_range(first: int, count: int, driver: str = "") -> Figures:
    """The figures of a range of seeds. A seed whose run raises an error counts as broken, and the next seeds still run.

    With a driver, only the seeds run in which a batch asks for this driver.
    """
    figures = Figures()
    with prepared():
        for seed in range(first, first + count):
            if driver and driver not in asked_drivers(draw(seed)):
                continue
            try:
                figures.add(run_seed(seed))
            except Exception as error:
                figures.broken.append((seed, f"the run ended with {type(error).__name__}: {error}"))
    return figures


def asked_drivers(scenario: Scenario) -> set[str]:
    """The drivers that the batches of a scenario ask for; batches without a choice of their own ask for none."""
    return {str(plan.request["policy"]["driver"]) for plan in scenario.batches if "driver" in plan.request["policy"]}


def _chunks(first: int, count: int) -> list[Chunk]:
    return [(start, min(CHUNK, first + count - start)) for start in range(first, first + count, CHUNK)]


def _results(chunks: list[Chunk], jobs: int, driver: str) -> Iterator[tuple[Chunk, Figures, float]]:
    run_chunk = partial(_run_chunk, driver=driver)
    if jobs == 1:
        yield from map(run_chunk, chunks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=20) as pool:
        yield from pool.imap_unordered(run_chunk, chunks)


def _run_chunk(chunk: Chunk, driver: str) -> tuple[Chunk, Figures, float]:
    """The chunk, its figures, and the seconds that they took in this process."""
    started = time.perf_counter()
    figures = run_range(*chunk, driver)
    return chunk, figures, time.perf_counter() - started


def run_all(chunks: list[Chunk], jobs: int, tally: ChunkTally, driver: str = "") -> None:
    """Run the chunks that are not in the tally. An interruption (Ctrl-C) ends the run and returns the figures so far."""
    left = [chunk for chunk in chunks if chunk not in tally.chunks]
    try:
        for chunk, figures, seconds in _results(left, jobs, driver):
            tally.add(chunk, figures, seconds)
            total = tally.figures
            for seed, sentence in figures.broken:
                print(f"\nseed {seed}: {sentence}", file=sys.stderr)
            print(f"\r{total.seeds} seeds, {total.migrations} migrations, {len(total.broken)} violations", end="", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ninterrupted; the figures so far:", end="", file=sys.stderr)
    print(file=sys.stderr)


def explain(seed: int, *, seconds: float) -> str:
    """Run a violating seed again, with as few faults as are enough for the violation."""
    with prepared():
        report = run_seed(seed, keep_trace=True)
        if not report.violations:
            return f"seed {seed}: no violation"
        small, kept = shrink(report, seconds=seconds)
    names = _names(small)
    head = f"seed {seed}: {small.violations[0]}\n{len(kept)} of {len(report.done)} faults are enough: {kept}\n"
    return head + small.trace.show(names)


def _names(report: SeedReport) -> tuple[str, ...]:
    """The ids in the violation's sentence."""
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
    """Run the command. Returns 1 if an invariant was broken."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds (default 100)")
    parser.add_argument("--seed", type=int, default=0, help="the first one (default 0)")
    parser.add_argument("--replay", type=int, help="show the timeline of one seed instead")
    parser.add_argument("--driver", default="", help="run only the seeds in which a batch asks for this driver, such as guest")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--shrink", type=float, default=120.0, help="seconds spent on the minimal trace (default 120)")
    parser.add_argument("--tally", type=Path, help="keep the figures in this file; chunks that it has counted are not run again")
    chosen = parser.parse_args(arguments)
    if chosen.replay is not None:
        return replay(chosen.replay)
    try:
        tally = ChunkTally(chosen.tally, chosen.driver)
    except OtherCode as error:
        print(error, file=sys.stderr)
        return 2
    run_all(_chunks(chosen.seed, chosen.seeds), chosen.jobs, tally, chosen.driver)
    print(show(tally.figures, tally.seconds))
    broken = tally.figures.broken
    if broken:
        print(explain(min(broken)[0], seconds=chosen.shrink))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
