"""What the page says about durable steps, from results with and without DBOS and PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from bench import durable_page
from bench.durable_page import HANDED_OVER, HANDED_OVER_ON_DISK, ON_DISK, OURS


def times(wall_ms: float) -> dict[str, float]:
    return {"wall_ms": wall_ms, "cpu_ms": wall_ms / 2}


def database(step_ms: float, often_ms: float) -> dict[str, Any]:
    handover = {"least_ms": often_ms, "median_ms": often_ms, "result_ms": often_ms}
    return {"step": times(step_ms), "default": {name: each + 500 for name, each in handover.items()}, "often": handover}


def result(dbos: dict[str, Any], on_disk_ms: float = 3.0) -> dict[str, Any]:
    names = ("GetRow", "UpdateRow", "putEvents", OURS, HANDED_OVER, ON_DISK)
    return {
        "versions": {"python": "3.11.2", "dbos": "3.4.0", "dbos_python": "3.11.2", "postgresql": "15.14"},
        "found": {**{name: times(1.0) for name in names}, HANDED_OVER_ON_DISK: times(on_disk_ms)},
        "handed_over": {"in memory": {"least_ms": 4.0, "median_ms": 5.0}, ON_DISK: {"least_ms": 5.0, "median_ms": 6.0}},
        "dbos": dbos,
    }


BOTH = {"SQLite": database(1.5, 30.0), "PostgreSQL": database(4.0, 29.0)}


def test_all_six_figures_of_dbos_are_shown() -> None:
    text = durable_page.page(result(BOTH))
    assert sum(line.startswith("| DBOS step (") for line in text.splitlines()) == 2
    assert sum(line.startswith("| DBOS hand-over (") for line in text.splitlines()) == 4
    assert "Python 3.11.2. DBOS 3.4.0: Python 3.11.2. PostgreSQL 15.14." in text


@pytest.mark.parametrize(("ours_ms", "verdict"), [(3.9, ": reached"), (4.1, ": not reached")])
def test_a_step_is_compared_with_that_on_postgresql(ours_ms: float, verdict: str) -> None:
    assert verdict in durable_page.page(result(BOTH, ours_ms))


def test_a_handover_is_compared_with_a_fifth_of_both_pollings() -> None:
    text = durable_page.page(result(BOTH))
    assert "0.011 of its 529.0 ms as by default (reached)" in text
    assert "0.207 of its 29.0 ms with a look every ms (not reached)" in text


def test_a_missing_postgresql_is_said() -> None:
    text = durable_page.page(result({"SQLite": BOTH["SQLite"]}))
    assert "PostgreSQL is not installed here" in text
    assert "The aim is a step" not in text
    assert "On SQLite, ours" in text


def test_a_missing_dbos_is_said() -> None:
    text = durable_page.page(result({}))
    assert "DBOS is not installed here" in text
    assert "DBOS step" not in text
    assert "The aim" not in text
