"""One durable step of Replank, compared with its raw calls and with a step of DBOS (newest, SQLite).

Replank's step: read the row, one conditional UpdateRow with journal and outbox, publish the event, remove the outbox. A step whose
event wakes a stage that writes at once leaves the removal to that stage's UpdateRow. The calls go over a socket of the local cloud,
with signatures, and a consumer reads the event. DBOS writes each step to SQLite within the process.
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
from shared.domain.hop import Hop
from shared.domain.message import Message
from shared.domain.migration import Migration, State, first_journal_entry, step_to_state
from shared.domain.timing import LOST
from shared.ports.ports import Ports
from shared.runtime.messages import messages_in_document
from shared.stages.advance import advance_migration, load_current_migration
from tools.package.wheelhouse import ROOT

DBOS_PYTHON = ROOT / "build" / "bench" / "dbos" / "bin" / "python"
S = State.VALIDATING
TURNS = 20
"""Other work on the machine makes a turn longer, never shorter. So the turn with the least time says most about the code."""
HANDED_OVER = "our step, whose receiver removes its outbox"
OURS, ON_DISK, DBOS = "our step", "our step, the cloud's state on a disk", "DBOS step (SQLite, on a disk)"
RAW = "the four raw calls"


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


def delivered(at: Migration, type: str = events.STEP_DUE) -> Message:
    """The event of the last step, as a consumer receives it."""
    event = events.migration_event(at, type, stage="validate")
    document = {"id": event.event_id, "source": "replank", "specversion": "1.0", "type": event.type, "data": event.data}
    (message,) = messages_in_document(json.loads(json.dumps(document)), "bench")
    return message


def validating(number: int, ports: Ports) -> Migration:
    """A migration that has just begun its validation."""
    return Migration(
        migration_id=f"m{number:016x}",
        batch_id="b0000000000000001",
        instance_id=f"i-test{number:04d}",
        region_id="cn-hangzhou",
        state=S,
        version=1,
        entered_version=1,
        entered_at=ports.clock.now(),
        created_at=ports.clock.now(),
        hops=(Hop("centos-7", "alinux-3"),),
    )


def stepper(ports: Ports, type: str = events.STEP_DUE) -> Callable[[int], None]:
    """A function that carries out one durable step per call, on one migration. Each step publishes an event of the given type."""
    made = validating(1, ports)
    ports.migrations.create(made, first_journal_entry(made, by="bench", reason="bench"), [])
    at = [made]

    def one(_: int) -> None:
        found = load_current_migration(delivered(at[0], type), ports, frozenset({S}))
        now = ports.clock.now()
        taken = step_to_state(found, S, now=now, by="bench", reason="nothing", due_at=now + LOST)
        event = events.migration_event(taken.after, type, stage="nobody")
        at[0] = advance_migration(ports, replace(taken, events=(event,)))

    return one


def raw(ports: Ports) -> dict[str, Callable[[int], Any]]:
    """The calls of a step, each one alone."""
    made = validating(2, ports)
    ports.migrations.create(made, first_journal_entry(made, by="bench", reason="bench"), [])
    event = events.migration_event(made, events.STEP_DUE, stage="nobody")
    return {
        "GetRow": lambda _: ports.migrations.load(made.migration_id),
        "UpdateRow": lambda number: ports.migrations.put_document(made.migration_id, "bench", {"number": number}),
        "putEvents": lambda _: ports.bus.publish([event]),
    }


def ours(count: int) -> dict[str, dict[str, float]]:
    """The times of our step and of the raw calls, against a local cloud in a separate process, with the cloud's state in
    memory and on a disk.
    """
    with served() as ports:
        found = {name: timed(count, call) for name, call in raw(ports).items()}
        found[OURS] = timed(count, stepper(ports))
    with served() as ports:
        found[HANDED_OVER] = timed(count, stepper(ports, events.INSTANCE_RESTARTED))
    with tempfile.TemporaryDirectory(prefix="replank-durable-") as folder, served(Path(folder)) as ports:
        found[ON_DISK] = timed(count, stepper(ports))
    return found


def dbos(count: int) -> dict[str, float] | None:
    """The time of DBOS's step; None if DBOS is not installed."""
    if not DBOS_PYTHON.exists():
        return None
    folder = Path(tempfile.mkdtemp(prefix="replank-dbos-"))
    command = [str(DBOS_PYTHON), str(Path(__file__).with_name("dbos_step.py")), str(count), str(TURNS), str(folder)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
        return dict(json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{"))))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def shown(result: dict[str, Any]) -> str:
    """The same number of steps with a body that does nothing. Ours: the event is read (by the code that reads it in a function; the
    bus does not carry it), the row read, one conditional UpdateRow with journal and outbox, the next event published, the outbox
    removed: four calls over a socket, each signed, checked, answered and checked again. If the receiver of the event removes the
    outbox with its own UpdateRow, there are three. DBOS writes to SQLite in its process."""
    found = {name: each for name, each in result["found"].items() if each}
    calls = [found[name] for name in ("GetRow", "UpdateRow", "putEvents", "UpdateRow")]
    found[RAW] = {name: sum(each[name] for each in calls) for name in ("wall_ms", "cpu_ms")}
    rows = [[name, each["wall_ms"], each["cpu_ms"]] for name, each in found.items()]
    return f"{table(['what', 'wall ms', 'CPU ms of the caller'], rows)}\n\n{_made_of(found)}"


def _made_of(found: dict[str, dict[str, float]]) -> str:
    """One sentence on the parts of our step's time, compared with DBOS's step if that was measured."""
    ours, calls = found[OURS], found[RAW]
    text = (
        f"Of the {ours['wall_ms']:.2f} ms of our step the SDKs compute {calls['cpu_ms']:.2f} (signing, encoding, decoding), "
        f"our own code {ours['cpu_ms'] - calls['cpu_ms']:.2f} (the state machine, the journal's and the event's text), and "
        f"{ours['wall_ms'] - ours['cpu_ms']:.2f} go by in the local cloud, which is Python as well."
    )
    if DBOS not in found:
        return f"{text} DBOS is not installed here."
    times = ours["wall_ms"] / found[DBOS]["wall_ms"]
    verdict = f"{times:.1f} times as long as DBOS's" if times > 1 else f"{times:.2f} of DBOS's"
    return f"{text} A step of ours takes {verdict}; its own code without the calls takes less than DBOS's step."


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser("python -m bench.durable_step", description=__doc__)
    options.add_argument("--steps", type=int, default=300)
    given = options.parse_args()
    found: dict[str, dict[str, float] | None] = {**ours(given.steps), DBOS: dbos(given.steps)}
    result = {"steps": given.steps, "found": found}
    print(shown(result))
    write("durable_step", f"python -m bench.durable_step --steps {given.steps}", result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
