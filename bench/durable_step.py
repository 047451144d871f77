"""One durable step of ours, beside the raw calls it is made of and beside a step of DBOS (newest, SQLite).

Ours: read the row, one conditional UpdateRow with journal and outbox, publish the event, remove the outbox, over a socket of the
local cloud with signatures, and the event taken in by a consumer. DBOS writes each step to SQLite in the process itself.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.report import table, write
from bench.served import served
from shared.domain import events
from shared.domain.message import Message
from shared.domain.migration import Migration, State, born, step
from shared.ports.ports import Ports
from shared.runtime.messages import messages_of
from shared.stages.advance import advance, current
from tests.support.ports import migration
from tools.package.wheelhouse import ROOT

DBOS_PYTHON = ROOT / "build" / "bench" / "dbos" / "bin" / "python"
S = State.VALIDATING


def timed(count: int, do: Callable[[int], Any]) -> dict[str, float]:
    """Milliseconds per call, wall and CPU of this process."""
    for number in range(5):
        do(number)
    started, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        do(number)
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    return {"wall_ms": wall * 1e3 / count, "cpu_ms": used * 1e3 / count}


def delivered(at: Migration) -> Message:
    """The event of the last step, as a consumer is handed it."""
    event = events.about(at, events.STEP_DUE, stage="validate")
    document = {"id": event.event_id, "source": "replank", "specversion": "1.0", "type": event.type, "data": event.data}
    (message,) = messages_of(json.loads(json.dumps(document)), "bench")
    return message


def stepper(ports: Ports) -> Callable[[int], None]:
    """One durable step per call, on one migration."""
    made = migration(1, state=S, entered_at=ports.clock.now(), created_at=ports.clock.now())
    ports.migrations.create(made, born(made, by="bench", reason="bench"), [])
    at = [made]

    def one(_: int) -> None:
        found = current(delivered(at[0]), ports, frozenset({S}))
        taken = step(found, S, now=ports.clock.now(), by="bench", reason="nothing")
        event = events.about(taken.after, events.STEP_DUE, stage="nobody")
        at[0] = advance(ports, replace(taken, events=(event,)))

    return one


def raw(ports: Ports) -> dict[str, Callable[[int], Any]]:
    """The calls a step is made of, each alone."""
    made = migration(2, state=S, entered_at=ports.clock.now(), created_at=ports.clock.now())
    ports.migrations.create(made, born(made, by="bench", reason="bench"), [])
    event = events.about(made, events.STEP_DUE, stage="nobody")
    return {
        "GetRow": lambda _: ports.migrations.load(made.migration_id),
        "UpdateRow": lambda number: ports.migrations.put_document(made.migration_id, "bench", {"number": number}),
        "putEvents": lambda _: ports.bus.publish([event]),
    }


def ours(count: int) -> dict[str, dict[str, float]]:
    """Our step and the raw calls, against a local cloud in a process of its own."""
    with served() as ports:
        found = {name: timed(count, call) for name, call in raw(ports).items()}
        found["our step"] = timed(count, stepper(ports))
    return found


def dbos(count: int) -> dict[str, float] | None:
    """DBOS's step; None where it is not installed."""
    if not DBOS_PYTHON.exists():
        return None
    folder = Path(tempfile.mkdtemp(prefix="replank-dbos-"))
    command = [str(DBOS_PYTHON), str(Path(__file__).with_name("dbos_step.py")), str(count), str(folder)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
        return dict(json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{"))))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def shown(result: dict[str, Any]) -> str:
    """Ours crosses a socket four times, each time signed and checked; its caller computes for the CPU time shown, most of it in
    the SDKs, and waits for the local cloud in the rest. DBOS waits for SQLite, which waits for the disk."""
    found = result["found"]
    rows = [[name, each["wall_ms"], each["cpu_ms"]] if each else [name, "not installed", ""] for name, each in found.items()]
    calls = [found[name] for name in ("GetRow", "UpdateRow", "putEvents", "UpdateRow")]
    rows.append(["the four raw calls", sum(each["wall_ms"] for each in calls), sum(each["cpu_ms"] for each in calls)])
    return table(["what", "wall ms", "CPU ms of the caller"], rows)


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser("python -m bench.durable_step", description=__doc__)
    options.add_argument("--steps", type=int, default=300)
    given = options.parse_args()
    found: dict[str, dict[str, float] | None] = {**ours(given.steps), "DBOS step (SQLite)": dbos(given.steps)}
    result = {"steps": given.steps, "found": found}
    print(shown(result))
    write("durable_step", f"python -m bench.durable_step --steps {given.steps}", result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
