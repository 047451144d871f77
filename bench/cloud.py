"""The local cloud alone: Tablestore rows and EventBridge events per second, one client, over a socket; and events without one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from bench.report import table, write
from bench.served import served
from shared.adapters.store import Highest, Lowest, Range, Store
from shared.domain import events
from tests.support.ports import migration

SECONDS = 2.0


def rate(do: Callable[[int], int]) -> float:
    """How many per second; ``do`` says how many one call did."""
    done, number, started = 0, 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < SECONDS:
        done += do(number)
        number += 1
    return done / passed


def measure() -> dict[str, float]:
    """Rates by name."""
    with served() as ports:
        store: Store = ports.migrations._store  # type: ignore[attr-defined]  # the adapter's own, to write plain rows
        event = events.about(migration(1), events.STEP_DUE, stage="nobody")

        def put(number: int) -> int:
            store.put("locks", [("lock_id", f"bench:{number:08d}")], {"text": "x" * 200})
            return 1

        def get(number: int) -> int:
            return int(store.get("locks", [("lock_id", f"bench:{number % 500:08d}")]) is not None)

        def scan(_: int) -> int:
            rows, _token = store.range(Range("locks", [("lock_id", Lowest)], [("lock_id", Highest)]), limit=500)
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
    """One client in one process and the cloud in another, over a socket, by turns: together they keep about one core busy."""
    return table(["operation", "per second"], [[name, round(each)] for name, each in result["per_second"].items()])


def main() -> int:
    """Measure and print."""
    found = measure()
    print(shown({"per_second": found}))
    write("cloud", "python -m bench.cloud", {"per_second": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
