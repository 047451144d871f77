"""Reload on edit: a function whose source changed gets new instances at its next invocation."""

from __future__ import annotations

from pathlib import Path

from localcloud.fc.invoker import Invoker, OnDone
from localcloud.fc.model import Function, Invocation

_SKIPPED = {"__pycache__", ".git", ".venv", "node_modules", "tests", "build", "run", "docs", "localcloud"}
_SUFFIXES = (".py", ".json", ".sh", ".ps1")


class ReloadingInvoker:
    """Wraps an invoker. Before each invocation it looks for the newest change in the function's code folders."""

    def __init__(self, inner: Invoker) -> None:
        self._inner = inner
        self._newest: dict[str, int] = {}

    def start(self, function: Function, invocation: Invocation, on_done: OnDone) -> None:
        newest = max((_newest_ns(Path(folder)) for folder in function.code), default=0)
        if self._newest.setdefault(function.name, newest) != newest:
            self._newest[function.name] = newest
            self._inner.forget(function.name)
        self._inner.start(function, invocation, on_done)

    def forget(self, name: str) -> None:
        self._inner.forget(name)

    def close(self) -> None:
        self._inner.close()


def _newest_ns(folder: Path) -> int:
    """When a source file below ``folder`` last changed, in ns; 0 if there is no source file."""
    newest = 0
    folders = [folder] if folder.is_dir() else []
    while folders:
        for entry in folders.pop().iterdir():
            if entry.is_dir():
                if entry.name not in _SKIPPED and not entry.is_symlink():
                    folders.append(entry)
            elif entry.suffix in _SUFFIXES:
                newest = max(newest, entry.stat().st_mtime_ns)
    return newest
