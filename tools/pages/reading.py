"""Finds the parameters that an operation's code reads, by following the calls from its function."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from types import FunctionType, MethodType, ModuleType
from typing import Any

PARAMS = ("params", "request", "asked", "message")
_HOME = "localcloud."


def names_read(perform: Any) -> set[str]:
    """The parameter names that ``perform``, and the localcloud code that it calls, look up."""
    found: set[str] = set()
    todo, seen = [perform], set[int]()
    while todo:
        each = todo.pop()
        function = each.__func__ if isinstance(each, MethodType) else each
        if not isinstance(function, FunctionType) or id(function.__code__) in seen or not function.__module__.startswith(_HOME):
            continue
        seen.add(id(function.__code__))
        tree = _tree(function)
        found |= set(_looked_up(tree))
        found |= {text for name in _names(tree) for text in _texts(function.__globals__.get(name))}
        todo += list(_called(tree, function, getattr(each, "__self__", None)))
    return found


@lru_cache(maxsize=4096)
def _tree(function: FunctionType) -> ast.AST:
    source = textwrap.dedent(inspect.getsource(function)).strip()
    for form in ("{}", "{{{}}}"):  # the source of a lambda is its line, which may be an entry of a table
        try:
            return ast.parse(form.format(source))
        except SyntaxError:
            continue
    raise SyntaxError(f"{function.__module__}: {source}")


def _looked_up(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is_params(node.value):
            yield from _constants([node.slice])
        elif isinstance(node, ast.Compare) and any(_is_params(each) for each in node.comparators):
            yield from _constants([node.left])
        elif isinstance(node, ast.Call):
            of_params = isinstance(node.func, ast.Attribute) and _is_params(node.func.value)
            if of_params or any(_is_params(each) for each in node.args):
                yield from _constants(node.args)
        elif isinstance(node, ast.Dict) and len(set(_constants(node.values))) == len(node.values):
            yield from _constants([each for each in node.keys if each])  # a table that maps parameters to other names
        elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            yield from _constants(node.elts)


def _constants(nodes: list[ast.expr]) -> Iterator[str]:
    return (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_params(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in PARAMS


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _texts(value: Any) -> set[str]:
    """The texts in a table of a module."""
    if isinstance(value, dict):
        return {key for key in value if isinstance(key, str)}
    return {each for each in value if isinstance(each, str)} if isinstance(value, (tuple, list, set, frozenset)) else set()


def _called(tree: ast.AST, function: FunctionType, owner: Any) -> Iterator[Any]:
    """What a function's code names and may call: functions of its module and of modules that it uses, methods, closures."""
    names = _names(tree)
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    holders = [owner, *cells, *(function.__globals__.get(name) for name in names)]
    holders += [value for name, value in getattr(owner, "__dict__", {}).items() if name in attributes]
    yield from (each for each in (*holders, *(function.__globals__.get(name) for name in names)) if callable(each))
    for holder in holders:
        home = holder.__name__ if isinstance(holder, ModuleType) else type(holder).__module__
        if home.startswith(_HOME):
            yield from (found for name in attributes if callable(found := getattr(holder, name, None)))
