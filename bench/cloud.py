"""Speed of the local cloud alone: Tablestore rows and EventBridge events per second, one client, over a socket; and events
without a socket.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.report import table, write
from bench.served import served
from bench.stepping import validating
from shared.adapters.store import HighestKey, LowestKey, RowRange, Store
from shared.domain import events

SECONDS = 2.0


def rate(do: Callable[[int], int]) -> tuple[float, float]:
    """Units per second, and the share of the time in which the client computed. ``do`` returns how many units one call did."""
    done, number, started, cpu = 0, 0, time.perf_counter(), time.process_time()
    while (passed := time.perf_counter() - started) < SECONDS:
        done += do(number)
        number += 1
    return done / passed, (time.process_time() - cpu) / passed


def measure(state: Path | None = None) -> dict[str, tuple[float, float]]:
    """Rates by name, with the cloud's state in memory or in a folder."""
    with served(state) as ports:
        store: Store = ports.migrations._store  # type: ignore[attr-defined]  # the adapter's own, to write plain rows
        event = events.migration_event(validating(1, ports), events.STEP_DUE, stage="nobody")

        def put(number: int) -> int:
            store.put("locks", [("lock_id", f"bench:{number:08d}")], {"text": "x" * 200})
            return 1

        def get(number: int) -> int:
            return int(store.get("locks", [("lock_id", f"bench:{number % 500:08d}")]) is not None)

        def scan(_: int) -> int:
            rows, _token = store.read_range(RowRange("locks", [("lock_id", LowestKey)], [("lock_id", HighestKey)]), limit=500)
            return len(rows)

        def publish(_: int) -> int:
            ports.bus.publish([event])
            return 1

        def publish_ten(_: int) -> int:
            ports.bus.publish([event] * 10)
            return 10

        cases = {
            "PutRow": put,
            "GetRow": get,
            "GetRange (500 rows)": scan,
            "putEvents, one": publish,
            "putEvents, ten": publish_ten,
        }
        return {name: rate(do) for name, do in cases.items()}


def shown(result: dict[str, Any]) -> str:
    """One client in one process and the cloud in another, over a socket, by turns: together they keep one core busy, the client's
    SDK for the share shown. With ``--state`` what was answered is on the disk."""
    kinds = result["per_second"]
    rows = [
        [name, round(each[0]), round(each[0] / (1 - each[1])), f"{each[1]:.0%}", round(kinds["on a disk"][name][0])]
        for name, each in kinds["in memory"].items()
    ]
    return table(["operation", "per second", "the cloud alone", "the client's share", "per second, on a disk"], rows)


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="replank-cloud-") as folder:
        found = {"per_second": {"in memory": measure(), "on a disk": measure(Path(folder))}}
    print(shown(found))
    write("cloud", "python -m bench.cloud", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
