"""Runs functions in the current process, for simulations: synchronous and deterministic. Each function has its own modules.

Each function imports its own copy of its code folders, so module globals are not shared. Libraries are shared.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from localcloud.fc.invoker import OnDone, context, environment
from localcloud.fc.model import UNHANDLED, Function, Invocation, Result

SHARED_NAMES = ("shared",)
ENTRY = "index"
"""The module that holds every function's handler."""


class InProcessInvoker:
    """Runs a handler before ``start`` returns. With ``keep_shared``, the packages in SHARED_NAMES are imported once for all
    functions.
    """

    def __init__(self, *, keep_shared: bool = True) -> None:
        self._handlers: dict[str, Callable[..., Any]] = {}
        self._modules: dict[str, dict[str, ModuleType]] = {}
        self._keep = SHARED_NAMES if keep_shared else ()

    def start(self, function: Function, invocation: Invocation, on_done: OnDone) -> None:
        fields = _context(context(function, invocation))
        with self._as_function(function, invocation):
            try:
                handler = self._handlers.get(function.name) or self._load(function, fields)
                result = Result(_body(handler(invocation.payload, fields)))
            except Exception as error:
                trace = traceback.format_tb(error.__traceback__)
                body = json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace})
                result = Result(body.encode(), UNHANDLED, "".join(traceback.format_exception(error)))
        on_done(result)

    def forget(self, name: str) -> None:
        self._handlers.pop(name, None)
        self._modules.pop(name, None)

    def close(self) -> None:
        self._handlers.clear()
        self._modules.clear()

    def _load(self, function: Function, fields: SimpleNamespace) -> Callable[..., Any]:
        handler = _named(function.handler)
        if function.initializer:
            _named(function.initializer)(fields)
        self._handlers[function.name] = handler
        return handler

    @contextmanager
    def _as_function(self, function: Function, invocation: Invocation) -> Iterator[None]:
        """Install the function's modules, paths and environment, and restore the former ones afterwards."""
        path, variables = list(sys.path), dict(os.environ)
        sys.path[:0] = function.code
        own_variables = environment(function, invocation, f"c-{function.name}")
        _set({**own_variables, "LOCALCLOUD_NOW": invocation.now} if invocation.now else own_variables, variables)
        own = self._modules.setdefault(function.name, {})
        outer = {name: sys.modules.pop(name) for name in (*own, ENTRY) if name in sys.modules}
        sys.modules.update(own)
        known = len(sys.modules)
        try:
            yield
        finally:
            own.update(self._imported(function, len(sys.modules) - known))
            for name in own:
                sys.modules.pop(name, None)
            sys.modules.update(outer)
            sys.path[:] = path
            after = dict(os.environ)
            for name in after.keys() - variables.keys():
                del os.environ[name]
            _set(variables, after)

    def _imported(self, function: Function, count: int) -> dict[str, ModuleType]:
        """The function's own modules among the ``count`` newest imports."""
        home = str(Path(function.code[0]).resolve()) + os.sep if count > 0 and function.code else "\0"
        newest = [(name, sys.modules[name]) for name in islice(reversed(sys.modules), max(0, count))]
        return {name: module for name, module in newest if self._is_own(name, module, home)}

    def _is_own(self, name: str, module: ModuleType, home: str) -> bool:
        if name.partition(".")[0] in self._keep:
            return False
        return name == ENTRY or str(getattr(module, "__file__", None) or "").startswith(home)


def _set(variables: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Set the environment variables whose value has changed. Setting all would be slow: each costs a library call."""
    for name, value in variables.items():
        if known.get(name) != value:
            os.environ[name] = value


def _named(dotted: str) -> Callable[..., Any]:
    module, _, name = dotted.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _context(fields: dict[str, object]) -> SimpleNamespace:
    return SimpleNamespace(
        **{name: SimpleNamespace(**value) if isinstance(value, dict) else value for name, value in fields.items()}
    )


def _body(result: object) -> bytes:
    if isinstance(result, bytes):
        return result
    return (result if isinstance(result, str) else json.dumps(result)).encode()
