"""Durable steps and hand-overs of Replank, beside those of DBOS (newest) on SQLite and on PostgreSQL, in one run on one Python.

Replank's step: read the row, one conditional UpdateRow with journal and outbox, publish the event, remove the outbox. A step whose
event wakes a stage that writes at once leaves the removal to that stage's UpdateRow. The calls go over a socket of the local cloud,
with signatures, and a consumer reads the event. DBOS writes each step to its database; PostgreSQL answers over loopback.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import dbos_side, handover
from bench.dbos_side import POSTGRESQL, SQLITE, Counts
from bench.durable_page import HANDED_OVER, HANDED_OVER_ON_DISK, IN_MEMORY, ON_DISK, OURS, page
from bench.report import interpreter, write
from bench.served import served
from bench.stepping import raw, stepper
from shared.domain import events

TURNS = 20
"""Other work on the machine makes a turn longer, never shorter. So the turn with the least time says most about the code."""


def timed(count: int, do: Callable[[int], Any]) -> dict[str, float]:
    """Milliseconds per call: wall time, and CPU time of this process. Of several turns, the one with the least wall time counts."""
    for number in range(5):
        do(number)
    each = max(count // TURNS, 1)
    return min((_turn(each, do) for _ in range(TURNS)), key=lambda found: found["wall_ms"])


def _turn(count: int, do: Callable[[int], Any]) -> dict[str, float]:
    started, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        do(number)
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    return {"wall_ms": wall * 1e3 / count, "cpu_ms": used * 1e3 / count}


def ours(count: int) -> dict[str, dict[str, float]]:
    """The times of our step and of the raw calls, against a local cloud in a separate process, with the cloud's state in
    memory and on a disk.
    """
    with served() as ports:
        found = {name: timed(count, call) for name, call in raw(ports).items()}
        found[OURS] = timed(count, stepper(ports))
    with served() as ports:
        found[HANDED_OVER] = timed(count, stepper(ports, events.INSTANCE_RESTARTED))
    for name, type in ((ON_DISK, events.STEP_DUE), (HANDED_OVER_ON_DISK, events.INSTANCE_RESTARTED)):
        with tempfile.TemporaryDirectory(prefix="replank-durable-") as folder, served(Path(folder)) as ports:
            found[name] = timed(count, stepper(ports, type))
    return found


def our_handovers(count: int) -> dict[str, dict[str, float]]:
    """The times of our hand-over, with the cloud's state in memory and on a disk."""
    with tempfile.TemporaryDirectory(prefix="replank-durable-") as folder:
        return {IN_MEMORY: handover.measure(count), ON_DISK: handover.measure(count, Path(folder))}


def measure(counts: Counts) -> dict[str, Any]:
    """Everything, as the results file keeps it."""
    found, handed_over = ours(counts.steps), our_handovers(counts.handovers)
    theirs = dbos_side.measured(counts)
    versions = {"python": interpreter()}
    for database in (each for each in (SQLITE, POSTGRESQL) if each in theirs):
        versions |= {"dbos": theirs[database]["dbos"], "dbos_python": theirs[database]["python"]}
        versions |= {"postgresql": theirs[database]["version"]} if database == POSTGRESQL else {}
    dbos = {name: {kind: each[kind] for kind in ("step", "default", "often")} for name, each in theirs.items()}
    return {**vars(counts), "versions": versions, "found": found, "handed_over": handed_over, "dbos": dbos}


def shown(result: dict[str, Any]) -> str:
    """The same number of steps with a body that does nothing. Ours: the event is read (by the code that reads it in a function; the
    bus does not carry it), the row read, one conditional UpdateRow with journal and outbox, the next event published, the outbox
    removed: four calls over a socket, each signed, checked, answered and checked again. If the receiver of the event removes the
    outbox with its own UpdateRow, there are three. DBOS's step runs inside a running workflow. It writes to SQLite in its process,
    or to PostgreSQL over loopback, which the bench starts with default settings (fsync on). Each figure is that of the turn that
    took least."""
    return page(result)


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser("python -m bench.durable_step", description=__doc__)
    options.add_argument("--steps", type=int, default=300)
    options.add_argument("--handovers", type=int, default=100, help="of ours, and of DBOS with the least polling")
    options.add_argument("--polled", type=int, default=10, help="hand-overs of DBOS with its default polling: 2 s each")
    given = options.parse_args()
    # A killed bench stops the servers it has started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    dbos_side.need_same_python()
    result = measure(Counts(given.steps, TURNS, given.handovers, given.polled))
    print(page(result))
    write("durable_step", f"python -m bench.durable_step --steps {given.steps} --handovers {given.handovers}", result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
