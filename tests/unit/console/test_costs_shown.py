"""The monthly cost of snapshots, on their page and on the migration's page. Without a price no cost is shown."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.console.test_console import ApiTable, ask

SNAPSHOTS = [{"snapshotId": f"s-{number}", "sizeGib": 40, "costPerMonth": 4.8, "state": "accomplished"} for number in (1, 2)]


@pytest.mark.parametrize(("price", "currency"), [(0.12, "CNY"), (0, "")])
def test_the_pages_show_the_cost_a_month_or_that_no_price_is_set(price: float, currency: str) -> None:
    rows = [{**each, "costPerMonth": each["costPerMonth"] if price else 0} for each in SNAPSHOTS]
    listed = {"snapshots": rows, "nextToken": "", "sizeGib": 80, "costPerMonth": 9.6, "price": price, "currency": "CNY"}
    migration: dict[str, Any] = {"migrationId": "m1", "instanceId": "i-1", "state": "migrated", "version": 3}
    api = ApiTable(
        **{
            "GET /snapshots": (200, listed),
            "GET /migrations/m1": (200, migration),
            "GET /migrations/m1/report": (200, {"snapshots": rows, "currency": currency}),
            "GET /migrations": (200, {"migrations": []}),
        }
    )
    rows.append({"snapshotId": "s-3", "costPerMonth": 50.0 if price else 0, "state": "kept", "kept": "somebody else's"})
    for path in ("/console/snapshots", "/console/migrations/m1"):
        _, body, _ = ask(api, "GET", path)
        assert ("9.60 CNY a month" in body, ">4.80<" in body) == (bool(price), bool(price)), path
        assert ("No price of snapshots is set" in body, ">0.00<" in body) == (not price, False), path
