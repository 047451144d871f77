"""Whole lives of fleets of 100, 1,000 and 10,000 instances: wall time, peak memory, calls per migration.

Each fleet runs in a separate process, for its memory; a tenth of it moves at once. What an idle account would do in that time is
subtracted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from bench.fleets import live
from bench.migration import per_migration
from bench.report import RESULTS, interpreter, revision, table, write

HEADS = [
    "instances",
    "wall s",
    "ms each",
    "peak MiB",
    "virtual days",
    "invocations",
    "tablestore",
    "eventbridge",
    "ecs",
    "smc",
    "read units",
    "write units",
    "function ms",
    "load",
    "python",
    "code",
]
AIM_S = {1000: 120}
MADE_OF = """\
Where the time goes (py-spy, 300 instances, by the innermost frame): 50 % in the local cloud (Tablestore and its wire format 22, ECS
with its guests 13, the chain of steps and the database 11), 35 % in the SDKs and their HTTP, 9 % in Replank, the rest in the
measuring; no function has more than 3 %. With the functions in processes of their own it would be no shorter: nearly always one
thing is due at a time, and each call would cross a pipe (tried with 300 instances: 145 to 165 ms each instead of 150). How Python
was built matters more: at 621a0cf 1,000 instances took 108 s with Debian's 3.11.2, 128 s with a 3.11.7 in a shared library.

The table is of 600ac91. One after the other on one quiet machine, 100 instances took 56.2 s at 85bb521 and 43.9 s at 600ac91: 1.28
times as long, with 1.13 times the calls and 1.26 times the invocations. By that ratio 1,000 take 145 s where they took 113.
Deletion protection, the marker in the guest, commands whose ends wake a stage, and the guard against others have come since.

What wall time grows by is in the local cloud (a profile of 10,000 beside 300): SQLite's commit goes over all pages in memory once
balancing has moved one, and fewer of the rows that are read again are still remembered."""
SERVICES = ("tablestore", "eventbridge", "ecs", "smc")
PATIENCE_S = 2 * 3600


def moving(count: int) -> int:
    """A tenth of the fleet, so that every size has the same number of waves. For 10,000 instances that is the number of jobs
    that SMC allows.
    """
    return max(20, count // 10)


def one(count: int) -> dict[str, Any]:
    """The figures of one fleet. Calls, invocations and function milliseconds are per migration."""
    busy = live(count, max_moving=moving(count))
    found = per_migration(busy, live(0, max_moving=1, days=busy.virtual_days))
    calls = {service: sum(each["calls"] for each in found["calls"] if each["service"] == service) for service in SERVICES}
    return {
        "instances": count,
        "wall_s": busy.wall_s,
        "peak_mib": busy.peak_mib,
        "virtual_days": busy.virtual_days,
        "states": busy.states,
        "invocations": sum(found["invocations"].values()),
        "calls": calls,
        "function_ms": sum(found["function_ms"].values()),
        "capacity_units": found["capacity_units"],
        "operations": found["calls"],
        "load": round(os.getloadavg()[0], 1),
        "python": interpreter(),
        "code": revision(),
    }


def row(found: dict[str, Any]) -> list[Any]:
    """One line of the table."""
    count = found["instances"]
    head = [
        count,
        found["wall_s"],
        _each_ms(found),
        round(found["peak_mib"]),
        found["virtual_days"],
        found["invocations"],
    ]
    units = found["capacity_units"]
    made = [found[name] for name in ("function_ms", "load", "python", "code")]
    return [*head, *found["calls"].values(), units["read"], units["write"], *made]


def _each_ms(found: dict[str, Any]) -> float:
    """The wall time per instance."""
    return float(found["wall_s"]) * 1e3 / int(found["instances"])


def shown(result: dict[str, Any]) -> str:
    """Whole lives, from submission to swept snapshots, in one process; a tenth of the fleet moves at once (20 of 100, and 1,000
    of 10,000, as many jobs as SMC allows). Everything but wall time, memory, days and load is per migration. Wall time includes
    the emulated cloud and the guests, in which shells really run; a load above 1 says that other work had a part of the machine.
    Sizes that were not measured this time stay as they were, with the commit they were measured at."""
    fleets = result["fleets"]
    return f"{table(HEADS, [row(each) for each in fleets])}\n\n{_growth(fleets)}"


def _growth(fleets: list[dict[str, Any]]) -> str:
    """How the figures per migration change from the smallest fleet to the others, which aim was missed, and where the time goes."""
    first, *others = fleets
    parts = []
    for each in others:
        pairs = {"wall time": (_each_ms(first), _each_ms(each))}
        pairs |= {service: (first["calls"][service], each["calls"][service]) for service in SERVICES}
        pairs["invocations"] = (first["invocations"], each["invocations"])
        pairs |= {f"{kind} units": (first["capacity_units"][kind], each["capacity_units"][kind]) for kind in ("read", "write")}
        changes = ", ".join(f"{name} {after / before - 1:+.0%}" for name, (before, after) in pairs.items())
        parts.append(f"Per migration, {each['instances']:,} beside {first['instances']:,}: {changes}.")
    for each in fleets:
        if each["wall_s"] > AIM_S.get(each["instances"], each["wall_s"]):
            size = f"{each['instances']:,}"
            parts.append(f"{size} instances were to take at most {AIM_S[each['instances']]} s and take {each['wall_s']:.0f}.")
    return "\n\n".join([*parts, MADE_OF])


def main() -> int:
    """Measure the requested sizes and print the table."""
    options = argparse.ArgumentParser("python -m bench.fleet", description=__doc__)
    options.add_argument("--sizes", default="100,1000", help="instances, separated by commas (10000 takes minutes)")
    options.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.one:
        print(json.dumps(one(given.one)))
        return 0
    found = _others(given.sizes.split(","))
    for size in given.sizes.split(","):
        command = [sys.executable, "-W", "ignore", "-m", "bench.fleet", "--one", size]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_S)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    found.sort(key=lambda each: int(each["instances"]))
    print(shown({"fleets": found}))
    write("fleet", f"python -m bench.fleet --sizes {given.sizes}", {"fleets": found})
    return 0


def _others(sizes: list[str]) -> list[dict[str, Any]]:
    """The stored figures of other sizes: 10,000 instances take too long to be measured again with every change of 100."""
    path = RESULTS / "fleet.json"
    kept = json.loads(path.read_text(encoding="utf-8"))["fleets"] if path.exists() else []
    return [each for each in kept if str(each["instances"]) not in sizes]


if __name__ == "__main__":
    sys.exit(main())
