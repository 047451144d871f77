"""Reads the pipeline's own source: calls, and the texts in their arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tools.pages.common import ROOT


@dataclass(frozen=True)
class CallSite:
    """One call with its context: the module, and the texts that are assigned to names at that place."""

    call: ast.Call
    name: str
    where: str
    texts: dict[str, str]

    def text(self, position: int, keyword: str = "") -> str:
        """An argument as a text; empty if it is not a text literal."""
        if len(self.call.args) > position >= 0:
            return text_of(self.call.args[position], self.texts)
        found = next((each.value for each in self.call.keywords if keyword and each.arg == keyword), None)
        return text_of(found, self.texts) if found is not None else ""


@lru_cache(maxsize=4)
def calls(folder: str) -> tuple[CallSite, ...]:
    """Every call of a plain name, and of the base class's ``__init__``, in the modules of a folder."""
    return tuple(place for path in sorted((ROOT / folder).rglob("*.py")) for place in _in_module(path))


@lru_cache(maxsize=256)
def functions(where: str) -> dict[str, ast.FunctionDef]:
    """The functions of a module, by name."""
    tree = ast.parse((ROOT / where).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def text_of(node: ast.expr, texts: dict[str, str]) -> str:
    """A string as written. A placeholder of an f-string becomes ``{name}`` or ``...``."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name):
        return texts.get(node.id, "")
    if isinstance(node, ast.JoinedStr):
        return "".join(_part(value, texts) for value in node.values)
    return ""


def _part(node: ast.expr, texts: dict[str, str]) -> str:
    if isinstance(node, ast.FormattedValue):
        return "{" + node.value.id + "}" if isinstance(node.value, ast.Name) else "..."
    return text_of(node, texts)


def _in_module(path: object) -> Iterator[CallSite]:
    file = ROOT / str(path)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    where = file.relative_to(ROOT).as_posix()
    outer = _assigned([node for node in tree.body if isinstance(node, ast.Assign)])
    inside: set[int] = set()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        texts = {**outer, **_assigned(function.body)}
        for call in _named_calls(function):
            if id(call) not in inside:
                inside.add(id(call))
                yield CallSite(call, _name(call), where, texts)
    yield from (CallSite(call, _name(call), where, outer) for call in _named_calls(tree) if id(call) not in inside)


def _named_calls(node: ast.AST) -> Iterator[ast.Call]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Call) and _name(each))


def _name(call: ast.Call) -> str:
    """The plain name that is called; ``super`` for ``super().__init__``; empty for any other call."""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr == "__init__" and isinstance(function.value, ast.Call):
        return _name(function.value)
    return function.id if isinstance(function, ast.Name) else ""


def _assigned(body: list[ast.stmt]) -> dict[str, str]:
    """The names to which a block assigns a text, at any depth."""
    texts: dict[str, str] = {}
    for node in (each for statement in body for each in ast.walk(statement)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = text_of(node.value, {})
            if text:
                texts[node.targets[0].id] = text
    return texts
