"""Every error code that the pipeline can answer with, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.pages.common import ROOT, table

FATES = {"Stale": "stale", "Refused": "refused", "Transient": "transient", "Permanent": "permanent"}
WORDS = {
    "stale": "behind the state, or a duplicate: nothing to do",
    "refused": "the caller can correct it",
    "transient": "tried again by itself",
    "permanent": "a person is needed",
}


@dataclass(frozen=True)
class Raised:
    """One place that makes an error. ``message`` and ``remedy`` are empty where they are put together elsewhere."""

    code: str
    fate: str
    message: str
    remedy: str
    where: str


def found() -> list[Raised]:
    """All places under shared/, by code. Codes put together from parts (``Migration.{reason}``) are resolved within a module."""
    places: list[Raised] = []
    for path in sorted((ROOT / "shared").rglob("*.py")):
        places += _in_module(path)
    return sorted(places, key=lambda each: (each.code, each.where))


def render() -> str:
    """The table: one line per code."""
    first: dict[str, Raised] = {}
    for each in found():
        if each.code not in first or (each.remedy and not first[each.code].remedy):
            first[each.code] = each
    return table(("code", "fate", "what happened", "what to do"), (_row(each) for each in first.values()))


def _row(each: Raised) -> tuple[str, ...]:
    remedy = each.remedy or ("Wait; it is tried again by itself." if each.fate == "transient" else "-")
    return (f"`{each.code}`", each.fate, each.message or "-", remedy)


def _in_module(path: Path) -> Iterator[Raised]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    where = str(path.relative_to(ROOT))
    builders = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in FATES and call.args:
            code = _text(call.args[0])
            if "." in code and "{" not in code:
                yield Raised(code, FATES[name], _argument(call, 1), _argument(call, 2), where)
        elif name in builders:
            yield from _built(builders[name], call, where)


def _built(builder: ast.FunctionDef, call: ast.Call, where: str) -> Iterator[Raised]:
    """An error whose code a function of the module puts together from its arguments."""
    names = [argument.arg for argument in builder.args.args]
    given = {name: _text(value) for name, value in zip(names, call.args, strict=False)}
    for inner in (node for node in ast.walk(builder) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        fate = FATES.get(inner.func.id if isinstance(inner.func, ast.Name) else "")
        template = _text(inner.args[0]) if inner.args else ""
        code = template
        for name, value in given.items():
            code = code.replace("{" + name + "}", value)
        if fate and "{" in template and "{" not in code and "." in code:
            yield Raised(code, fate, _filled(inner, 1, given), _filled(inner, 2, given), where)


def _filled(call: ast.Call, place: int, given: dict[str, str]) -> str:
    text = _argument(call, place)
    if len(call.args) > place and isinstance(call.args[place], ast.Name):
        text = given.get(getattr(call.args[place], "id", ""), "")
    for name, value in given.items():
        text = text.replace("{" + name + "}", value or "...")
    return text


def _argument(call: ast.Call, place: int) -> str:
    return _text(call.args[place]) if len(call.args) > place else ""


def _text(node: ast.expr) -> str:
    """A string as written; parts of an f-string that are filled in at run time become ``{name}`` or ``...``."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_part(value) for value in node.values)
    return ""


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.FormattedValue):
        return "{" + node.value.id + "}" if isinstance(node.value, ast.Name) else "..."
    return _text(node)
