"""docs/performance.md, docs/costs.md and the plots say what bench/results and bench/prices.json say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import costs, pages, scale
from bench.report import RESULTS

DOCS = Path(__file__).resolve().parents[2] / "docs"
REMEDY = "bench/results or bench/prices.json say something else: make costs"


def test_the_pages_are_those_of_the_results() -> None:
    wanted = {**pages.plots(), "performance.md": pages.page(), "costs.md": costs.page(costs.prices())}
    assert [name for name, text in wanted.items() if (DOCS / name).read_text(encoding="utf-8") != text] == [], REMEDY


def test_every_result_has_its_command_and_its_machine() -> None:
    for path in RESULTS.glob("*.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        assert found["command"].startswith("python -m bench."), path.name
        assert {"python", "cores", "load"} <= set(found["machine"]), path.name


def test_what_a_large_batch_takes_fits_into_its_function() -> None:
    """With room: the machine that measured is not the account's."""
    for each in json.loads((RESULTS / "scale.json").read_text(encoding="utf-8"))["functions"]:
        given = scale.props(scale.MEASURED[each["function"]][0])
        assert scale.in_account_s(each) < 0.9 * given["timeout"], each["function"]
        assert each["peak_mib"] < 0.7 * given["memorySize"], each["function"]


def test_what_was_not_measured_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "RESULTS", tmp_path)
    assert pages.page().count("Not measured: `make bench`.") == len(pages.SECTIONS)


@pytest.mark.parametrize("name", ["cu", "snapshot_gib_month", "step_functions_transitions_per_million", "log_gib", "cold_share"])
def test_a_changed_price_changes_the_page(name: str) -> None:
    prices = costs.prices()
    assert costs.page({**prices, name: prices[name] * 3 + 1}) != costs.page(prices)


def test_a_migration_costs_the_sum_of_its_parts() -> None:
    free = {name: 0 if isinstance(value, int | float) else value for name, value in costs.prices().items()} | {"function_vcpu": 1}
    assert sum(costs.of_migration(costs.counts(), free).values()) == 0
    assert costs.idle_per_day(free) == 0
