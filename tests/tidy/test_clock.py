"""No test reads the real clock, so that it passes on any date: time comes from the world's cloud or from the test itself."""

from __future__ import annotations

import ast

import pytest

from tests.support.repository import name_of, source_files, tree

CALENDAR = frozenset(
    {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "time.time",
        "time.time_ns",
        "time.ctime",
        "time.gmtime",
        "time.localtime",
        "time.strftime",
    }
)
MAY_ASK_THE_DAY = {
    "tests/support/signing_time.py": "signed requests carry the machine's time, as those of the SDKs do",
}

STOPWATCH = frozenset({"time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns", "time.process_time"})
MAY_TIME = {
    "tests/e2e/test_run.py": "gives up on processes that do not end",
    "tests/simulation/crash.py": "gives up on a fleet that does not finish; prints how long it took",
    "tests/simulation/test_large_move.py": "prints how long the move took",
    "tests/simulation/run.py": "prints how long the seeds took",
    "tests/simulation/shrink.py": "stops looking for a smaller example",
    "tests/simulation/simulation.py": "prints how long a seed took",
}


def calls(path_tree: ast.Module) -> set[str]:
    """Calls of the form ``name.name()``, as ``datetime.now`` for both ``datetime.now()`` and ``datetime.datetime.now()``."""
    found = set()
    for node in ast.walk(path_tree):
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            found.add(f"{owner}.{node.attr}")
    return found


def users(names: frozenset[str]) -> set[str]:
    return {name_of(path) for path in source_files("tests") if names & calls(tree(path))}


def test_no_test_asks_what_day_it_is() -> None:
    assert users(CALENDAR) == set(MAY_ASK_THE_DAY)


def test_stopwatches_only_bound_and_report() -> None:
    assert users(STOPWATCH) == set(MAY_TIME)


@pytest.mark.parametrize(
    "text", ["datetime.now(UTC)", "datetime.datetime.now()", "dt.date.today()", "time.time()", "x = time.time"]
)
def test_the_rule_sees_every_spelling(text: str) -> None:
    assert calls(ast.parse(text)) & CALENDAR


def test_no_clock_is_imported_by_its_bare_name() -> None:
    """``from time import time`` would hide a call from the rule."""
    bare = [
        f"{name_of(path)}: {alias.name}"
        for path in source_files("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
    ]
    assert bare == []


def test_ports_made_for_a_test_get_their_clock() -> None:
    """Without one they would read the machine's."""
    made = [
        f"{name_of(path)}:{node.lineno}"
        for path in source_files("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "make_ports" and len(node.args) < 4
    ]
    assert made == []
