"""docs/costs.md: what a migration costs, from the counts of bench.migration and bench.fleet and the prices in prices.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.report import RESULTS, table
from tools.package.wheelhouse import ROOT

PRICES = Path(__file__).with_name("prices.json")
SIZES = (10, 1_000, 100_000)
DAYS_PER_MONTH = 30
Json = dict[str, Any]
PAGE = """\
# Costs

Computed by `make costs` from the counts in [performance.md](performance.md) (per migration of a fleet of {fleet}) and from
`bench/prices.json`. **The prices there are examples in {currency}: put in your own** and run it again. ECS and SMC calls are free;
what SMC's jobs use by themselves is not counted.

## One migration of one hop

{parts}

A call is taken to last {call_latency_ms} ms, during which the function's {function_memory_gb} GB are paid. An account in which
nothing moves costs {idle} {currency} a day: the tick looks once a minute.

## A fleet

{rows}

Step Functions: one transition for each of the {invocations} invocations, without the functions behind them. Snapshots:
{snapshot_gib_per_instance} GiB each, kept {waiting_days_before_confirmation} days until somebody confirms and {retention_days} days
of retention after that. **They cost {times} times the migration itself**: what saves money is to confirm soon and to choose a
retention no longer than needed. `replank snapshots` shows what is held and what it costs.
"""


def result(name: str) -> Json:
    """A figure measured before."""
    return dict(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))


def counts() -> Json:
    """What one migration of a large fleet takes: that of the largest fleet measured."""
    return dict(max(result("fleet")["fleets"], key=lambda each: int(each["instances"])))


def of_migration(found: Json, price: Json) -> dict[str, float]:
    """The parts of one migration's cost."""
    calls = sum(found["calls"].values())
    seconds = (found["function_ms"] + calls * price["call_latency_ms"]) / 1000
    units = found["capacity_units"]
    return {
        "function invocations": found["invocations"] * price["function_invocations_per_million"] / 1e6,
        "function time": seconds * price["function_memory_gb"] * price["function_gb_second"],
        "Tablestore": units["read"] * price["tablestore_read_units_per_10000"] / 1e4
        + units["write"] * price["tablestore_write_units_per_10000"] / 1e4,
        "EventBridge": found["calls"]["eventbridge"] * price["events_per_million"] / 1e6,
    }


def idle_per_day(price: Json) -> float:
    """What the account costs in a day on which nothing moves: the tick, mostly."""
    idle = result("migration")["idle_per_day"]
    seconds = (idle["function_ms"] + idle["tablestore"] * price["call_latency_ms"]) / 1000
    return float(
        idle["invocations"] * price["function_invocations_per_million"] / 1e6
        + seconds * price["function_memory_gb"] * price["function_gb_second"]
        + idle["read_units"] * price["tablestore_read_units_per_10000"] / 1e4
    )


def snapshots(price: Json) -> float:
    """What one instance's snapshots cost until they are swept."""
    days = price["waiting_days_before_confirmation"] + price["retention_days"]
    return float(price["snapshot_gib_per_instance"] * price["snapshot_gib_month"] * days / DAYS_PER_MONTH)


def page() -> str:
    """The document."""
    price, found = json.loads(PRICES.read_text(encoding="utf-8")), counts()
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
        "idle": f"{idle:.4f}",
        "rows": table(heads, rows),
        "invocations": f"{found['invocations']:.1f}",
        "times": f"{kept / each:,.0f}",
    }
    return PAGE.format(**texts)


def main() -> int:
    """Write the page."""
    (ROOT / "docs" / "costs.md").write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
