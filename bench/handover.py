"""Our hand-over: a step is committed and its event published; the bus's rule invokes the receiving function, which commits the next
step. The time goes from before the first write until the second step is committed.

The local cloud delivers an event as soon as it has it. Virtual time stands still, so no virtual wait is part of the figure.
"""

from __future__ import annotations

import re
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench.served import served
from bench.stepping import validating
from shared.domain import events
from shared.domain.migration import State, first_journal_entry, step_to_state
from shared.domain.timing import LOST
from shared.ports.ports import Ports
from shared.stages.advance import advance_migration
from tools.package.wheelhouse import ROOT

RECEIVER = ROOT / "bench" / "receiver"
PATIENCE_S = 30.0
WARM_UP = 5
"""Hand-overs that are not counted. The first one starts the function's process."""


def measure(count: int, state: Path | None = None) -> dict[str, float]:
    """The least and the median time of ``count`` hand-overs, one after the other, in milliseconds. The cloud's state is in memory
    or in a folder.
    """
    with tempfile.TemporaryDirectory(prefix="replank-handover-") as folder:
        options = ["--services", str(services(Path(folder))), "--instances", "1"]
        for service in ("TABLESTORE", "EVENTBRIDGE"):
            options += ["--env", f"REPLANK_{service}_ENDPOINT={{url}}"]
        with served(state, *options) as ports, answers(Path(folder) / "committed") as (path, committed_at):
            hand_over = sender(ports, path)
            took = []
            for _ in range(WARM_UP + count):
                started = hand_over()
                took.append((committed_at() - started) * 1e3)
    counted = took[WARM_UP:]
    return {"least_ms": min(counted), "median_ms": median(counted)}


def services(folder: Path) -> Path:
    """s.yaml, with the receiver's code in place of validate's. Returns the new file."""
    text = (ROOT / "s.yaml").read_text(encoding="utf-8")
    text = text.replace("./build/validate.zip", str(RECEIVER))
    made = folder / "s.yaml"
    made.write_text(re.sub(r"\./build/(\w+)\.zip", rf"{ROOT}/functions/\1", text), encoding="utf-8")
    return made


def sender(ports: Ports, path: str) -> Callable[[], float]:
    """A function that makes one hand-over to the receiver, and returns the time at which its first write began. The receiver tells
    the socket at ``path`` when it has committed its step.
    """
    made = validating(3, ports)
    ports.migrations.create(made, first_journal_entry(made, by="bench", reason="bench"), [])

    def one() -> float:
        found = ports.migrations.load(made.migration_id)
        now = ports.clock.now()
        taken = step_to_state(found, State.VALIDATING, now=now, by="bench", reason="handed over", due_at=now + LOST)
        event = events.migration_event(taken.after, events.INSTANCE_RESTARTED, stage="validate", socket=path)
        started = time.perf_counter()
        advance_migration(ports, replace(taken, events=(event,)))
        return started

    return one


@contextmanager
def answers(path: Path) -> Iterator[tuple[str, Callable[[], float]]]:
    """A socket at ``path``, and a function that waits for the next time sent to it. Raises TimeoutError if none comes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hears:
        hears.bind(str(path))
        hears.settimeout(PATIENCE_S)
        yield str(path), lambda: float(hears.recv(100))
