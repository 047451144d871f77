"""Scripts started before their time: as soon as a command is accepted, on another core, while the account goes on.

A run depends on nothing but its ``Start``. What it will be is known when the command is accepted; when its time has come and
anything differs (the disk was changed, the instance restarted, the cloud's process is another one), the script runs again, then.
So starting ahead changes how long a run takes and nothing else. The caller holds the cloud's lock.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from localcloud.ecs.guest.folders import Folder, Folders, Layout
from localcloud.ecs.guest.machine import Machine, Shell

RUNNING = 4
"""Processes at a time."""
_KEPT = 128
"""Scripts begun whose time has not come: each holds a folder."""
_FORGOTTEN_S = 600
"""Nobody will ask for a run whose time is past for so long: its command was never accepted after all."""


@dataclass(frozen=True)
class Start:
    """All that the run of a script depends on; times in seconds since the epoch, ``boot`` as Folder.volatile takes it."""

    layout: Layout
    boot: tuple[str, int, int]
    windows: bool
    now_s: int
    script: str


@dataclass(frozen=True)
class Begun:
    """A script that runs or has ended."""

    start: Start
    folder: Folder
    shell: Shell


class Ahead:
    """The scripts started ahead, by the key of their result."""

    def __init__(self, folders: Folders, blob: Callable[[str], bytes]) -> None:
        self._folders, self._blob = folders, blob
        self._waiting: dict[str, Start] = {}
        self._begun: dict[str, Begun] = {}
        self._running: set[str] = set()
        weakref.finalize(self, _end_all, self._begun)

    def keys(self) -> set[str]:
        """What is expected, begun or not."""
        return {*self._waiting, *self._begun}

    def runs(self) -> list[Begun]:
        """What is begun."""
        return list(self._begun.values())

    def expect(self, key: str, start: Start) -> None:
        """This is going to run: begin as soon as there is room."""
        if RUNNING:
            self._waiting[key] = start
            self._go_on()
            for old in [key for key, begun in self._begun.items() if begun.start.now_s < start.now_s - _FORGOTTEN_S]:
                self.drop(old)

    def take(self, key: str, start: Start) -> Begun | None:
        """The run as it stands, if it was begun with just this ``start``; the caller attends to it."""
        begun = self._begun.get(key)
        if begun is None or begun.start != start:
            self.drop(key)
            begun = None
        self._begun.pop(key, None)
        self._running.discard(key)
        self._go_on()
        return begun

    def drop(self, key: str) -> None:
        """It will not run, or not like this."""
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
        with contextlib.suppress(OSError):  # no room, no process: it runs when its time comes
            folder = self._folders.take(start.layout, self._blob)
            folder.volatile(*start.boot)
            shell = Shell(Machine(folder, self._folders.commands, start.windows, start.now_s), start.script)
            shell.yield_to_others()
            self._begun[key] = Begun(start, folder, shell)
            self._running.add(key)


def _end_all(begun: dict[str, Begun]) -> None:
    for each in begun.values():
        each.shell.end()
