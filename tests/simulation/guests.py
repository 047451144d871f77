"""A test double for scripts in simulated guests: each pair of (disk contents, script) really runs only once per process.

A probe reads only the file tree, so its output depends only on the tree's digests. The SMC client's import is answered here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast
from unittest import mock

from localcloud.ecs import guest_runs
from localcloud.ecs.guest import ahead, machine
from localcloud.ecs.guest.blob import Tree, pack, unpack
from localcloud.ecs.guest.folders import Folder, Folders, Layout, room
from tests.simulation.living import WRITTEN

_IMPORT = re.compile(r"go2aliyun_client(?:\.exe)? import (\S+) (\S+)")
_ASKS_WHEN = re.compile(r"replank-marker written|^\$Replank(?:Act|Tool|Task) = |^REPLANK_ACT=", re.MULTILINE)
"""Text that marks the scripts whose result depends on more than the tree: the marker's (for Linux and for Windows) and the
guest driver's.
"""
NOT_PROBED = (WRITTEN, "var/lib/replank/marker", "ProgramData/Replank/marker")
"""Files that guests write all the time, and the product's marker. No probe reads them."""
_known: dict[tuple[Layout, str], machine.Run] = {}
_really_run, _Folders = machine.run, Folders
Blob = Callable[[str], bytes]


class TooSlow(BaseException):
    """A script ran into a limit of real time, on which no run may depend. Nothing catches this error, so it ends the run."""


@dataclass
class Disks:
    """Replaces a guest's folder until a script must really run in it."""

    layout: Layout
    blob: Blob
    boot: tuple[str, int, int] = ("0" * 32, 86_400, 1_700_000_000)
    real: Folder | None = None
    """The real folder while a unit's script runs, because the script's intermediate states are inspected."""

    def volatile(self, boot_id: str, uptime_s: int, booted_s: int) -> None:
        """Values that change by themselves are ignored: only the marker's scripts read them."""
        self.boot = (boot_id, uptime_s, booted_s)

    def changes(self) -> dict[str, Tree]:
        """The changes that a script has made so far."""
        return self.real.changes() if self.real else {}


class Shelf:
    """Replaces the store of folders. One real store provides the commands for all guests."""

    _real: Folders | None = None

    @property
    def commands(self) -> Path:
        """The folder of the guests' commands."""
        Shelf._real = Shelf._real or _Folders()
        return Shelf._real.commands

    def take(self, layout: Layout, blob: Blob) -> Disks:
        return Disks(layout, blob)

    def give_back(self, folder: Disks, layout: Layout) -> None:
        """Do nothing: no folder was written."""

    def discard(self, folder: Disks) -> None:
        """Do nothing: no folder was written."""


def run(
    guest: machine.Machine, script: str, *, timeout_s: int, ask: machine.Ask, pause: machine.Pause | None = None
) -> machine.Run:
    """The output of a script: from the cache, from the host (the SMC client), or from a real run."""
    found = _IMPORT.search(script) if len(script) < 500 else None
    if found:
        answer = ask(f"smc-import {found[1]} {found[2]}")
        good = answer.startswith("ok ")
        text = f"[Info] Import Source Server [{answer[3:]}] Successfully!\n" if good else f"[Error] {answer}\n"
        return machine.Run(exit_code=0 if good else 1, output=text.encode())
    folder = cast(Disks, guest.folder)
    if pause is not None or _ASKS_WHEN.search(script):
        return _as_it_stands(guest, folder, script, timeout_s, ask, pause or (lambda slept_s: None))
    trees = {mount: _still(unpack(folder.blob(digest))) for mount, digest in folder.layout}
    key = (tuple((mount, pack(tree)[0]) for mount, tree in trees.items()), hashlib.sha256(script.encode()).hexdigest())
    if key not in _known:
        with TemporaryDirectory(prefix="simulated-guest-") as name:
            real = Folder(Path(name), folder.layout, trees)
            real.volatile("0" * 32, 86_400, 1_700_000_000)
            still = replace(guest, folder=real, now_s=1_700_086_400)
            ran = _really_run(still, script, timeout_s=timeout_s, ask=ask)
        if ran.timed_out and ran.slept_s <= timeout_s:
            raise TooSlow(f"A script did not end within {timeout_s} s of this machine's time: the run would depend on it.")
        _known[key] = ran
    known = _known[key]
    changed = {mount: {**tree, **_written(folder, mount)} for mount, tree in known.changed.items()}
    return machine.Run(known.exit_code, known.output, known.timed_out, known.slept_s, changed)


def _as_it_stands(
    guest: machine.Machine, folder: Disks, script: str, timeout_s: int, ask: machine.Ask, pause: machine.Pause
) -> machine.Run:
    """Run a script each time, because its result depends on a record in the guest, on the time, and on the guest's last start."""
    trees = {mount: unpack(folder.blob(digest)) for mount, digest in folder.layout}
    with TemporaryDirectory(prefix="simulated-guest-", dir=room()) as name:
        folder.real = Folder(Path(name), folder.layout, trees)
        folder.real.volatile(*folder.boot)
        ran = _really_run(replace(guest, folder=folder.real), script, timeout_s=timeout_s, ask=ask, pause=pause)
        folder.real = None
    if ran.timed_out and ran.slept_s <= timeout_s:
        raise TooSlow(f"A script did not end within {timeout_s} s of this machine's time: the run would depend on it.")
    return ran


def _still(tree: Tree) -> Tree:
    """A disk's content without the files that differ in every guest. No probe reads those files."""
    return {path: entry for path, entry in tree.items() if path not in NOT_PROBED}


def _written(folder: Disks, mount: str) -> Tree:
    """The files that differ in every guest, unchanged."""
    tree = unpack(folder.blob(dict(folder.layout)[mount]))
    return {path: tree[path] for path in NOT_PROBED if path in tree}


@contextmanager
def doubled() -> Iterator[None]:
    """Within the block, every new cloud uses these doubles for its guests."""
    nothing_ahead = mock.patch.object(ahead, "RUNNING", 0)
    with nothing_ahead, mock.patch.object(machine, "run", run), mock.patch.object(guest_runs, "Folders", Shelf):
        yield
