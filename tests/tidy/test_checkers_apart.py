"""The simulation's checkers judge the product by the account's own records: nothing that they import is the product's."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
JUDGES = tuple(f"tests.simulation.{name}" for name in ("invariants", "judge", "truth", "records", "swept"))
PRODUCT = frozenset({"shared", "functions", "cli", "console", "events", "tools"})


def imported(source: str) -> set[str]:
    """The modules that a file names in its imports, wherever they stand."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            found |= {each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return found


def own_files() -> list[Path]:
    """The files of the checkers and of what they stand on."""
    places = [ROOT.joinpath(*module.split(".")) for module in JUDGES]
    return [path for place in places for path in (sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")])]


def file_of(module: str) -> list[Path]:
    """The file that an import of a module of the tests runs; none for a name inside a module."""
    place = ROOT.joinpath(*module.split("."))
    return [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]


def reached() -> dict[str, set[str]]:
    """By file: what it imports, for the judges and every test module that they lead to."""
    found: dict[str, set[str]] = {}
    waiting = own_files()
    while waiting:
        path = waiting.pop()
        name = str(path.relative_to(ROOT))
        if name in found:
            continue
        found[name] = imported(path.read_text(encoding="utf-8"))
        waiting += [file for module in found[name] if module.startswith("tests.") for file in file_of(module)]
    return found


def test_no_checker_imports_the_product_not_even_through_others() -> None:
    guilty = {name: sorted(each for each in names if each.split(".")[0] in PRODUCT) for name, names in reached().items()}
    assert {name: names for name, names in guilty.items() if names} == {}


def test_every_file_of_the_checkers_is_looked_at() -> None:
    seen = set(reached())
    assert {"tests/simulation/records.py", "tests/simulation/invariants/limits.py", "tests/simulation/frames.py"} <= seen


@pytest.mark.parametrize(
    "source",
    [
        "from shared.domain import batch",
        "import shared",
        "def f():\n    from shared import domain",
        "import_module('shared.stages')",
    ],
)
def test_an_import_is_seen_wherever_it_stands(source: str) -> None:
    assert any(each.split(".")[0] in PRODUCT for each in imported(source))
