"""What a test replaces by its name exists: neither mypy nor a rename sees a name in a string.

A test that replaces a name which is gone fails by itself, but a mutant, a newer version or a long test may not run for weeks.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OURS = ("shared", "cli", "console", "localcloud", "bench", "tools")


def imported(module: ast.Module) -> dict[str, Any]:
    """What the names of a file's imports from our rooms stand for."""
    found = {}
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0 and node.module.split(".")[0] in OURS:
            home = importlib.import_module(node.module)
            for each in node.names:
                if not hasattr(home, each.name):
                    importlib.import_module(f"{node.module}.{each.name}")  # then the module has it
                found[each.asname or each.name] = getattr(home, each.name)
    return found


def replaced(module: ast.Module) -> Iterator[tuple[int, Any, str]]:
    """Each ``patch.object(thing, "name")`` and ``setattr(thing, "name")`` of a thing that is imported: line, thing, name."""
    known = imported(module)
    for node in ast.walk(module):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("object", "setattr")):
            continue
        match node.args:
            case [ast.Name(id=thing), ast.Constant(value=str(name)), *_] if thing in known:
                yield node.lineno, known[thing], name


def test_every_name_that_is_replaced_exists() -> None:
    gone = []
    for room in ("tests", "bench", "tools"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for line, thing, name in replaced(ast.parse(path.read_text(encoding="utf-8"))):
                if not hasattr(thing, name) and name not in getattr(thing, "__dataclass_fields__", {}):
                    gone.append(f"{path.relative_to(ROOT)}:{line}: {thing.__name__} has no {name}")
    assert gone == []
