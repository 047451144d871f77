"""What is said in one place only: a second place would drift. Each row names the place, and what nobody else may write."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from shared.domain.migration import State
from tests.support.repository import ROOT, name_of, source_files, tree

ROOMS = ("shared", "cli", "functions")
ONCE: dict[str, tuple[str, frozenset[str]]] = {
    "the names of the drivers": (r'"console"', frozenset({"shared/domain/drivers.py"})),
    "which disks are the user's": (
        r"not \w+\.used_by_smc_transit",
        frozenset({"shared/domain/facts.py"}),
    ),
    "when a retention is over": (r"timedelta\(days=\w*\.?retention_days", frozenset({"shared/domain/ledger.py"})),
    "what tells one tick's reminder from another's": (r"%Y%m%dT%H%M%S", frozenset({"shared/domain/events.py"})),
    "the names of stored observations": (
        r'f"(?:baseline|after|instance)-\{|"baseline-\d"',
        frozenset({"shared/domain/observation.py"}),
    ),
    "how often something is tried again": (
        r"\b_?(?:ATTEMPTS|TRIES|RETRIES)\b|max_retry_times|max_attempts=[^1]|\brange\(1, \w+ \+ 1\).*attempt",
        frozenset(),
    ),
    "a test of a driver's name": (r'driver\w*(?:\.name)? (?:==|!=|in|not in) ["(]', frozenset()),
}
"""By what it is: a pattern, and the files that may hold it."""


@pytest.mark.parametrize("truth", ONCE)
def test_it_is_written_in_one_place(truth: str) -> None:
    pattern, places = ONCE[truth]
    found = {name_of(path) for path in source_files(*ROOMS) if re.search(pattern, path.read_text(encoding="utf-8"))}
    assert found - places == set()


@pytest.mark.parametrize("truth", ONCE)
def test_the_place_exists(truth: str) -> None:
    pattern, places = ONCE[truth]
    assert [place for place in places if not re.search(pattern, (ROOT / place).read_text(encoding="utf-8"))] == []


STATE_LISTS = {
    "cli/run/plan.py": "results of a run, not states",
}
"""Files outside the domain that list such words, and what the words are there."""


def _lists_of_states(path: Path) -> list[int]:
    """Lines of a literal with two names of states or more, written out."""
    states = {state.value for state in State}
    literals = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Tuple | ast.List | ast.Set)]
    return [
        node.lineno for node in literals if sum(isinstance(each, ast.Constant) and each.value in states for each in node.elts) > 1
    ]


def test_lists_of_states_come_from_the_state_machine() -> None:
    found = [f"{name_of(path)}:{line}" for path in source_files("cli", "shared", "functions") for line in _lists_of_states(path)]
    assert [each for each in found if each.partition(":")[0] not in STATE_LISTS] == []
    assert {each.partition(":")[0] for each in found} == set(STATE_LISTS)


# One name, one meaning ------------------------------------------------------------------------------------------------

MIRRORED = ("domain/prechecks", "domain/validation", "domain", "ports", "adapters", "stages/api", "stages", "probes", "runtime")
"""The rooms of shared/. A port, its adapter and its stage share a file name; within one room a name means one thing."""


def _room(path: str) -> str:
    return next(room for room in MIRRORED if path.startswith(f"shared/{room}/"))


def _within_shared() -> list[str]:
    return [name for name in map(name_of, source_files("shared")) if name.count("/") > 1 and not name.endswith("__init__.py")]


def test_a_module_name_stands_once_in_a_room() -> None:
    found = Counter((_room(name), name.rpartition("/")[2]) for name in _within_shared())
    assert [each for each, number in found.items() if number > 1] == []


OWN_NAMES = ("localcloud/", "tests/simulation/records.py", "tests/simulation/policies.py")
"""Not counted: the local cloud names things as the services do and knows nothing of the product, and the checkers read stored
rows with classes of their own, so that no fault of the product is theirs."""


def test_a_class_name_stands_once_in_the_tree() -> None:
    found = Counter(
        node.name
        for path in source_files("shared", "functions", "cli", "launcher", "tools", "bench", "tests")
        if not name_of(path).startswith((*OWN_NAMES, "tests/contract/localcloud/"))
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, number in found.items() if number > 1] == []
