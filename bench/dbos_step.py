"""DBOS's side: a step inside a running workflow, and a workflow of one step that is handed over through a queue.

Run it with the interpreter that has DBOS installed. Standard input is one JSON document: url of the database, steps, turns,
handovers, polled (hand-overs with the default polling). One JSON line is printed. Of several turns of steps, the one with the least
wall time counts.
"""

import json
import sys
import time
from importlib.metadata import version
from statistics import median
from typing import Any

from dbos import DBOS  # type: ignore[import-not-found]

from bench.report import interpreter

LEAST_POLLING_S = 0.001
"""DBOS accepts every interval above 0 for a queue, but names 0.001 s as the least where it names one."""
NEW_QUEUE_S = 2.5
"""DBOS looks for new queues once a second."""
WARM_UP = 2
asked = json.loads(sys.stdin.read())
DBOS(config={"name": "bench", "system_database_url": asked["url"], "log_level": "ERROR"})
committed_at: list[float] = []


@DBOS.step()
def nothing(number: int) -> int:
    """A step whose body does nothing."""
    return number


@DBOS.workflow()
def many(turns: int, count: int) -> list[dict[str, float]]:
    """Run several turns of ``count`` steps. The beginning and the end of the workflow are in no turn."""
    found = []
    for _ in range(turns):
        started, cpu = time.perf_counter(), time.process_time()
        for number in range(count):
            nothing(number)
        wall, used = time.perf_counter() - started, time.process_time() - cpu
        found.append({"wall_ms": wall * 1e3 / count, "cpu_ms": used * 1e3 / count})
    return found


@DBOS.workflow()
def received(number: int) -> int:
    """A workflow of one step. Its result is written when it ends."""
    done: int = nothing(number)
    committed_at.append(time.perf_counter())
    return done


def hand_over(queue: str, **polling: float) -> tuple[float, float]:
    """Enqueue one workflow and wait for its result. Milliseconds until its step was committed, and until the result was there."""
    started = time.perf_counter()
    DBOS.enqueue_workflow(queue, received, 1).get_result(**polling)
    ended = time.perf_counter()
    return (committed_at[-1] - started) * 1e3, (ended - started) * 1e3


def handed_over(count: int, queue: str, *, pause_s: float = 0.0, **polling: float) -> dict[str, float]:
    """The least and the median time of ``count`` hand-overs through a new queue, one after the other."""
    DBOS.register_queue(queue, **({"polling_interval_sec": LEAST_POLLING_S} if polling else {}))
    time.sleep(NEW_QUEUE_S)
    took = []
    for _ in range(WARM_UP + count):
        time.sleep(pause_s)
        took.append(hand_over(queue, **polling))
    committed, results = [each[0] for each in took[WARM_UP:]], [each[1] for each in took[WARM_UP:]]
    return {"least_ms": min(committed), "median_ms": median(committed), "result_ms": median(results)}


def measured() -> dict[str, Any]:
    """The step and both kinds of hand-over. The steps come first, while no queue is polled but DBOS's own.

    With the default polling, each hand-over begins a little later between two looks of the worker than the one before. Otherwise
    all would wait for about the same time.
    """
    many(1, 10)
    turns = many(asked["turns"], max(asked["steps"] // asked["turns"], 1))
    return {
        "step": min(turns, key=lambda turn: turn["wall_ms"]),
        "default": handed_over(asked["polled"], "as by default", pause_s=1 / asked["polled"]),
        "often": handed_over(asked["handovers"], "often", polling_interval_sec=LEAST_POLLING_S),
        "python": interpreter(),
        "dbos": version("dbos"),
    }


DBOS.launch()
print(json.dumps(measured()))
DBOS.destroy()
