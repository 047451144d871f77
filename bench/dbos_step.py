"""The same number of durable steps with DBOS on SQLite. Run it by path with the interpreter that has DBOS installed.
Arguments: steps, turns, folder. Of several turns, the one with the least wall time counts.
"""

import json
import sys
import time
from pathlib import Path

from dbos import DBOS  # type: ignore[import-not-found]

steps, turns, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{folder / 'dbos.sqlite'}", "log_level": "ERROR"})


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


DBOS.launch()
many(1, 10)
print(json.dumps(min(many(turns, max(steps // turns, 1)), key=lambda turn: turn["wall_ms"])))
DBOS.destroy()
