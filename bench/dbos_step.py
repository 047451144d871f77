"""The same number of durable steps with DBOS on SQLite. Run it by path with the interpreter that has DBOS installed.
Arguments: steps, folder.
"""

import json
import sys
import time
from pathlib import Path

from dbos import DBOS  # type: ignore[import-not-found]

steps, folder = int(sys.argv[1]), Path(sys.argv[2])
DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{folder / 'dbos.sqlite'}", "log_level": "ERROR"})


@DBOS.step()
def nothing(number: int) -> int:
    """A step whose body does nothing."""
    return number


@DBOS.workflow()
def many(count: int) -> int:
    """Run a number of steps."""
    for number in range(count):
        nothing(number)
    return count


DBOS.launch()
many(10)
started, cpu = time.perf_counter(), time.process_time()
many(steps)
wall = time.perf_counter() - started
print(json.dumps({"wall_ms": wall * 1e3 / steps, "cpu_ms": (time.process_time() - cpu) * 1e3 / steps}))
DBOS.destroy()
