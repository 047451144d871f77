"""A bench fails if a count grew; times may be whatever they are."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bench import report
from bench.counts import counts_of, grown

MIGRATION: dict[str, Any] = {
    "virtual_days": 1.5,
    "invocations": {"api": 14.0, "watch": 6.0},
    "calls": [{"service": "tablestore", "operation": "GetRow", "calls": 47.0}],
    "events": 16.0,
    "capacity_units": {"read": 318.0, "write": 51.0},
    "function_ms": {"api": 37.2},
}
STARTS: dict[str, Any] = {"runtimes": {"3.10": {"api": {"cpu_ms": 122.0, "modules": 408}}}}
FLEETS: dict[str, Any] = {
    "fleets": [{"instances": 100, "wall_s": 12.4, "calls": {"ecs": 32.67}, "operations": MIGRATION["calls"], "load": 0.8}]
}


def changed(document: dict[str, Any], *path: Any, to: Any) -> dict[str, Any]:
    found = deepcopy(document)
    place: Any = found
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return found


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (MIGRATION, ("invocations", "watch")),
        (MIGRATION, ("calls", 0, "calls")),
        (MIGRATION, ("events",)),
        (MIGRATION, ("capacity_units", "write")),
        (STARTS, ("runtimes", "3.10", "api", "modules")),
        (FLEETS, ("fleets", 0, "calls", "ecs")),
        (FLEETS, ("fleets", 0, "operations", 0, "calls")),
    ],
)
def test_a_larger_count_is_told_and_a_smaller_one_is_not(document: dict[str, Any], path: tuple[Any, ...]) -> None:
    (told,) = grown(document, changed(document, *path, to=1000.5))
    assert told.endswith(" -> 1000.5")
    assert grown(document, changed(document, *path, to=0)) == []


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (MIGRATION, ("function_ms", "api")),
        (MIGRATION, ("virtual_days",)),
        (STARTS, ("runtimes", "3.10", "api", "cpu_ms")),
        (FLEETS, ("fleets", 0, "wall_s")),
        (FLEETS, ("fleets", 0, "load")),
    ],
)
def test_times_and_the_machine_are_not_compared(document: dict[str, Any], path: tuple[Any, ...]) -> None:
    assert grown(document, changed(document, *path, to=1e9)) == []


def test_an_operation_that_was_not_called_before_is_growth() -> None:
    more = [*MIGRATION["calls"], {"service": "ecs", "operation": "RunCommand", "calls": 2.0}]
    assert grown(MIGRATION, {**MIGRATION, "calls": more}) == ["calls / ecs RunCommand: 0 -> 2"]


def test_a_row_that_was_not_measured_before_is_compared_with_nothing() -> None:
    more = [*FLEETS["fleets"], {**FLEETS["fleets"][0], "instances": 1000, "calls": {"ecs": 99.0}}]
    assert grown(FLEETS, {"fleets": more}) == []
    assert grown({}, MIGRATION) == []


def test_every_result_has_counts_where_it_should() -> None:
    for name in ("migration", "fleet", "startup", "slots", "console"):
        found = json.loads((report.RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        assert counts_of(found), name
        assert grown(found, found) == []


def test_a_result_is_kept_unless_the_growth_is_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.delenv("BENCH_ACCEPT", raising=False)
    report.write("migration", "python -m bench.migration", MIGRATION)
    kept = (tmp_path / "migration.json").read_bytes()
    with pytest.raises(SystemExit, match=r"events: 16 -> 17"):
        report.write("migration", "python -m bench.migration", {**MIGRATION, "events": 17.0})
    assert (tmp_path / "migration.json").read_bytes() == kept
    monkeypatch.setenv("BENCH_ACCEPT", "1")
    report.write("migration", "python -m bench.migration", {**MIGRATION, "events": 17.0})
    assert json.loads((tmp_path / "migration.json").read_text(encoding="utf-8"))["events"] == 17.0
