"""Runs scripts ahead of time: on another core, as soon as a command is accepted, while the account continues.

The result of a run depends only on its ``Start``, which is known when the command is accepted. If anything differs when the run is
due, the script runs again then. Differences are a changed disk, a restarted instance, or a new cloud process. So running ahead
changes the duration only. The caller holds the cloud's lock.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from localcloud.ecs.guest.folders import Folder, Folders, Layout
from localcloud.ecs.guest.machine import Machine, Shell

RUNNING = 4
"""The maximum number of processes at a time."""
_KEPT = 128
"""The maximum number of started scripts that are not due yet. Each has a folder."""
_FORGOTTEN_S = 600
"""If a run is overdue by this many seconds, nobody will ask for it: its command was not accepted after all."""


@dataclass(frozen=True)
class Start:
    """Everything that the result of a script depends on. Times are in seconds since the epoch; ``boot`` is as in
    Folder.volatile.
    """

    layout: Layout
    boot: tuple[str, int, int]
    windows: bool
    now_s: int
    script: str


@dataclass(frozen=True)
class Begun:
    """A script that is running or has ended."""

    start: Start
    folder: Folder
    shell: Shell


class Ahead:
    """The scripts that were started ahead of time, by the key of their result."""

    def __init__(self, folders: Folders, blob: Callable[[str], bytes]) -> None:
        self._folders, self._blob = folders, blob
        self._waiting: dict[str, Start] = {}
        self._begun: dict[str, Begun] = {}
        self._running: set[str] = set()
        weakref.finalize(self, _end_all, self._begun)

    def keys(self) -> set[str]:
        """The keys of all expected runs, started or not."""
        return {*self._waiting, *self._begun}

    def runs(self) -> list[Begun]:
        """All started runs."""
        return list(self._begun.values())

    def expect(self, key: str, start: Start) -> None:
        """Announce a run. It starts as soon as there is room."""
        if RUNNING:
            self._waiting[key] = start
            self._go_on()
            for old in [key for key, begun in self._begun.items() if begun.start.now_s < start.now_s - _FORGOTTEN_S]:
                self.drop(old)

    def take(self, key: str, start: Start) -> Begun | None:
        """The run, if it was started with exactly this ``start``. The caller then calls ``attend``."""
        begun = self._begun.get(key)
        if begun is None or begun.start != start:
            self.drop(key)
            begun = None
        self._begun.pop(key, None)
        self._running.discard(key)
        self._go_on()
        return begun

    def drop(self, key: str) -> None:
        """Cancel a run that will not happen, or not with this start."""
        self._waiting.pop(key, None)
        self._running.discard(key)
        begun = self._begun.pop(key, None)
        if begun is not None:
            begun.shell.end()
            self._folders.discard(begun.folder)

    def _go_on(self) -> None:
        self._running = {key for key in self._running if not self._begun[key].shell.collect()}
        while self._waiting and len(self._running) < RUNNING and len(self._begun) < _KEPT:
            key = next(iter(self._waiting))
            self._begin(key, self._waiting.pop(key))

    def _begin(self, key: str, start: Start) -> None:
        with contextlib.suppress(OSError):  # if no process can be made, the script runs when it is due
            folder = self._folders.take(start.layout, self._blob)
            folder.volatile(*start.boot)
            shell = Shell(Machine(folder, self._folders.commands, start.windows, start.now_s), start.script)
            shell.yield_to_others()
            self._begun[key] = Begun(start, folder, shell)
            self._running.add(key)


def _end_all(begun: dict[str, Begun]) -> None:
    for each in begun.values():
        each.shell.end()
