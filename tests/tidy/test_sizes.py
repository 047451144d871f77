"""Files and functions stay small: split at the second responsibility."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import name_of, source_files, tree

FILE_LINES, FUNCTION_LINES = 500, 70
FILE_MEDIAN, FILE_P90, FUNCTION_MEDIAN, FUNCTION_P90 = 120, 300, 8, 30


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function with its lines, the docstring not counted."""
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            doc = node.body[0] if ast.get_docstring(node) else None
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield node.name, lines - ((doc.end_lineno or 0) - doc.lineno + 1 if doc else 0)


def at(share: float, numbers: list[int]) -> int:
    return sorted(numbers)[min(int(len(numbers) * share), len(numbers) - 1)]


def test_no_file_is_long() -> None:
    assert {name_of(path): length(path) for path in source_files() if length(path) > FILE_LINES} == {}


def test_no_function_is_long() -> None:
    long = {
        f"{name_of(path)}: {name}": lines for path in source_files() for name, lines in functions(path) if lines > FUNCTION_LINES
    }
    assert long == {}


def test_files_are_short_as_a_rule() -> None:
    lengths = [length(path) for path in source_files() if length(path)]
    assert (at(0.5, lengths) <= FILE_MEDIAN, at(0.9, lengths) <= FILE_P90) == (True, True)


def test_functions_are_short_as_a_rule() -> None:
    lengths = [lines for path in source_files() for _, lines in functions(path)]
    assert (at(0.5, lengths) <= FUNCTION_MEDIAN, at(0.9, lengths) <= FUNCTION_P90) == (True, True)


def test_every_module_and_public_thing_says_what_it_is() -> None:
    bare = [name for path in source_files("shared", "functions", "tools") for name in _undocumented(path)]
    assert bare == []


def _undocumented(path: Path) -> Iterator[str]:
    module = tree(path)
    if module.body and not ast.get_docstring(module):
        yield name_of(path)
    for node in module.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield f"{name_of(path)}: {node.name}"
