"""Writes docs/costs.md: the cost of a migration, from the counts of bench.migration and bench.fleet and the prices in
prices.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.report import RESULTS, table
from shared.domain.timing import TICK_RECORD_MINUTES
from tools.package.wheelhouse import ROOT

PRICES = Path(__file__).with_name("prices.json")
SIZES = (10, 1_000, 100_000)
DAYS_PER_MONTH = 30
RECORDS_PER_DAY = 24 * 60 // TICK_RECORD_MINUTES
Json = dict[str, Any]
PAGE = """\
# Costs

Computed by `make costs` from the counts in [performance.md](performance.md) (per migration of a fleet of {fleet}) and from
`bench/prices.json`. **The prices there are examples in {currency}, and say where they come from: put in your own** and run it
again. ECS and SMC calls are free; what SMC's jobs use by themselves is not counted.

## One migration of one hop

{parts}

Function time is that of {function_vcpu} vCPU and {function_memory_gb} GB: what was computed here on a whole core takes
{slower:.1f} times as long there, and a call is taken to last {call_latency_ms} ms. {cold:.0%} of the invocations are taken
to start cold, at {start_ms:.0f} ms of CPU each: functions that run rarely do. intake and api have more of a
core (s.yaml). They compute faster for the same price, but waiting costs them more. That is left out, because
they make few of a migration's calls. An invocation is taken to write {log_kib_per_invocation}
KiB of log. An account in which nothing moves costs {idle} {currency} a day: the tick
looks once a minute, and every fifth minute it writes one row with its time ({records} calls a day).

## A fleet

{rows}

All in {currency}. Step Functions: one transition for each of the {invocations} invocations, without the functions behind them.
Snapshots: {snapshot_gib_per_instance} GiB each, kept {waiting_days_before_confirmation} days until somebody confirms and
{retention_days} days of retention after that. **They cost {times} times the migration itself**: what saves money is to confirm
soon and to choose a retention no longer than needed. `replank snapshots` shows what is held and what it costs.
"""


def result(name: str) -> Json:
    """A stored figure of an earlier measurement."""
    return dict(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))


def counts() -> Json:
    """The counts of one migration in a large fleet: those of the largest measured fleet."""
    return dict(max(result("fleet")["fleets"], key=lambda each: int(each["instances"])))


def start_ms() -> float:
    """The CPU time of a cold start, averaged over the functions by how often each runs in a migration."""
    starts = next(iter(result("startup")["runtimes"].values()))
    runs = {name: count for name, count in result("migration")["invocations"].items() if count > 0}
    return float(sum(starts[name]["cpu_ms"] * count for name, count in runs.items()) / sum(runs.values()))


def function_time(cpu_ms: float, calls: float, price: Json) -> float:
    """The price of function time: the CPU time at the paid share of a core, plus the time spent waiting for calls."""
    seconds = (cpu_ms / price["function_vcpu"] + calls * price["call_latency_ms"]) / 1000
    each = price["function_vcpu"] * price["cu_per_vcpu_second"] + price["function_memory_gb"] * price["cu_per_gb_second"]
    return float(seconds * each * price["cu"])


def invoking(number: float, price: Json) -> float:
    """The price of a number of invocations, regardless of their length."""
    return float(number * price["cu_per_10000_invocations"] / 1e4 * price["cu"])


def logging(number: float, price: Json) -> float:
    """The price of the log of a number of invocations."""
    return float(number * price["log_kib_per_invocation"] / 2**20 * price["log_gib"])


def of_migration(found: Json, price: Json) -> dict[str, float]:
    """The parts of one migration's cost."""
    units, number = found["capacity_units"], found["invocations"]
    return {
        "function invocations": invoking(number, price),
        "function time": function_time(found["function_ms"], sum(found["calls"].values()), price),
        "cold starts": function_time(number * price["cold_share"] * start_ms(), 0, price),
        "Tablestore": units["read"] * price["tablestore_read_units_per_10000"] / 1e4
        + units["write"] * price["tablestore_write_units_per_10000"] / 1e4,
        "EventBridge": found["calls"]["eventbridge"] * price["events_per_million"] / 1e6,
        "logs": logging(number, price),
    }


def idle_per_day(price: Json) -> float:
    """The cost of a day on which nothing moves. Most of it is the tick, whose function stays warm."""
    idle = result("migration")["idle_per_day"]
    return (
        invoking(idle["invocations"], price)
        + function_time(idle["function_ms"], idle["tablestore"], price)
        + float(idle["read_units"] * price["tablestore_read_units_per_10000"] / 1e4)
        + float(RECORDS_PER_DAY * price["tablestore_write_units_per_10000"] / 1e4)
        + logging(idle["invocations"], price)
    )


def snapshots(price: Json) -> float:
    """The cost of one instance's snapshots until they are swept."""
    days = price["waiting_days_before_confirmation"] + price["retention_days"]
    return float(price["snapshot_gib_per_instance"] * price["snapshot_gib_month"] * days / DAYS_PER_MONTH)


def page(price: Json) -> str:
    """The page at these prices."""
    found = counts()
    parts, idle, kept = of_migration(found, price), idle_per_day(price), snapshots(price)
    each, steps = sum(parts.values()), found["invocations"] * price["step_functions_transitions_per_million"] / 1e6
    rows = [
        [f"{n:,}", *(f"{value:,.2f}" for value in (n * each, price["campaign_days"] * idle, n * steps, n * kept))] for n in SIZES
    ]
    heads = ["instances", "migrations", f"idle, {price['campaign_days']} days", "as Step Functions transitions", "snapshots"]
    texts = {
        **price,
        "fleet": f"{found['instances']:,}",
        "parts": table(["part", price["currency"]], [*([n, f"{value:.6f}"] for n, value in parts.items()), ["all", f"{each:.6f}"]]),
        "slower": 1 / price["function_vcpu"],
        "cold": price["cold_share"],
        "start_ms": start_ms(),
        "idle": f"{idle:.4f}",
        "records": RECORDS_PER_DAY,
        "rows": table(heads, rows),
        "invocations": f"{found['invocations']:.1f}",
        "times": f"{kept / each:,.0f}",
    }
    return PAGE.format(**texts)


def prices() -> Json:
    """The prices that the user has put into prices.json. Raises ValueError for invalid JSON; a missing price raises KeyError
    later.
    """
    return dict(json.loads(PRICES.read_text(encoding="utf-8")))


def main() -> int:
    """Write the page."""
    (ROOT / "docs" / "costs.md").write_text(page(prices()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
