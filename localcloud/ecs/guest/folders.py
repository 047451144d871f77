"""Guests' disks as folders on this machine. Folders are kept for a while, so that the next probe of an unchanged guest need not
write them again.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Callable
from importlib import resources
from itertools import count
from pathlib import Path

from localcloud.ecs.guest import functions
from localcloud.ecs.guest.blob import LINK, Tree, unpack

KEEP = 64
_ENOUGH_BYTES = 64 * 2**20
Layout = tuple[tuple[str, str], ...]
"""Each disk's (mount point without slashes at its ends, digest). The system disk ("") comes first."""
FUNCTIONS = "linux.sh"
"""The file in the folder of commands that defines the Linux commands as shell functions."""
_VOLATILE = ("proc/uptime", "proc/stat", "proc/sys/kernel/random/boot_id")


class Folder:
    """The folder of one guest: its disks below ``root``, and the state of the files when they were last seen."""

    def __init__(self, root: Path, layout: Layout, trees: dict[str, Tree]) -> None:
        self.root, self.layout, self._at = root, layout, f"{root}/"
        for mount, tree in trees.items():
            _write(f"{self._at}{mount}/", tree)
        for folder in ("tmp", "root", "var/tmp"):
            os.makedirs(self._at + folder, exist_ok=True)
        self._seen = self._look()

    def volatile(self, boot_id: str, uptime_s: int, booted_s: int) -> None:
        """Set the values that change although nobody writes them: /proc/uptime, and the boot's time and id."""
        texts = (f"{uptime_s}.00 {uptime_s}.00\n", f"btime {booted_s}\n", f"{boot_id}\n")
        for path, text in zip(_VOLATILE, texts, strict=True):
            try:
                _put(self._at + path, text.encode())
            except FileNotFoundError:
                os.makedirs(os.path.dirname(self._at + path), exist_ok=True)
                _put(self._at + path, text.encode())

    def changes(self) -> dict[str, Tree]:
        """The new trees of the disks that changed since they were last written or seen."""
        now = self._look()
        if now == self._seen:
            return {}
        touched = {path for path in now.keys() | self._seen.keys() if now.get(path) != self._seen.get(path)}
        mounts = {self._mount_of(path) for path in touched}
        self._seen = now
        return {mount: self._tree(mount, now) for mount in sorted(mounts)}

    def _look(self) -> dict[str, tuple[int, int, int]]:
        """The mode, size and time of each file except those in /tmp. Plain strings are used for speed: every run looks at all
        files.
        """
        found, folders = {}, [""]
        while folders:
            within = folders.pop()
            for entry in _entries(self._at + within):
                path = within + entry.name
                if not entry.is_dir(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    found[path] = (status.st_mode, status.st_size, status.st_mtime_ns)
                elif path != "tmp":
                    folders.append(f"{path}/")
        for path in _VOLATILE:
            found.pop(path, None)
        return found

    def _mount_of(self, path: str) -> str:
        holding = [mount for mount, _ in self.layout if mount and path.startswith(f"{mount}/")]
        return max(holding, key=len, default="")

    def _tree(self, mount: str, seen: dict[str, tuple[int, int, int]]) -> Tree:
        start = len(mount) + 1 if mount else 0
        paths = [path for path in seen if self._mount_of(path) == mount]
        return {path[start:]: kept for path in paths if (kept := self._kept(path, seen[path][0])) is not None}

    def _kept(self, path: str, mode: int) -> tuple[int, bytes] | None:
        """A file or link as an entry of a tree; None for anything else."""
        if stat.S_ISLNK(mode):
            return LINK, os.readlink(self._at + path).encode()
        return (mode & 0o777, (self.root / path).read_bytes()) if stat.S_ISREG(mode) else None


class Folders:
    """The available folders. One run at a time takes a folder and returns it afterwards."""

    def __init__(self) -> None:
        self._base = Path(tempfile.mkdtemp(prefix="localcloud-guests-", dir=room()))
        self._clean = weakref.finalize(self, shutil.rmtree, self._base, True)
        self._numbers = count(1)
        self._kept: OrderedDict[Layout, Folder] = OrderedDict()
        self.commands = _commands(self._base / "commands")
        """The folders ``linux`` and ``windows``, with the commands that replace a guest's own."""

    def take(self, layout: Layout, blob: Callable[[str], bytes]) -> Folder:
        """The folder of a guest's disks. ``blob`` returns the bytes of a digest."""
        kept = self._kept.pop(layout, None)
        if kept is not None:
            return kept
        root = self._base / str(next(self._numbers))
        root.mkdir()
        return Folder(root, layout, {mount: unpack(blob(digest)) for mount, digest in layout})

    def discard(self, folder: Folder) -> None:
        """Delete a folder whose run was interrupted."""
        shutil.rmtree(folder.root, ignore_errors=True)

    def give_back(self, folder: Folder, layout: Layout) -> None:
        """Keep a folder for the next run on disks with these digests. The least recently used folder is deleted."""
        folder.layout = layout
        old = self._kept.pop(layout, None)
        if old is not None:
            shutil.rmtree(old.root, ignore_errors=True)
        self._kept[layout] = folder
        while len(self._kept) > KEEP:
            _, oldest = self._kept.popitem(last=False)
            shutil.rmtree(oldest.root, ignore_errors=True)


def room() -> str | None:
    """A directory for many small, short-lived files: in memory, if the machine has such a file system and allows programs on it."""
    memory = "/dev/shm"
    if not os.path.isdir(memory) or not os.access(memory, os.W_OK):
        return None
    status = os.statvfs(memory)
    return memory if not status.f_flag & os.ST_NOEXEC and status.f_bavail * status.f_frsize > _ENOUGH_BYTES else None


def _commands(target: Path) -> Path:
    """The shims of the package as executable files, regardless of their installed modes. The Linux ones are also shell
    functions.
    """
    source = resources.files("localcloud.ecs.guest").joinpath("shims")
    for system in ("linux", "windows"):
        (target / system).mkdir(parents=True)
        for shim in source.joinpath(system).iterdir():
            (target / system / shim.name).write_bytes(shim.read_bytes())
            (target / system / shim.name).chmod(0o755)
    shims = sorted((target / "linux").iterdir())
    (target / FUNCTIONS).write_text("".join(functions.defined(each.name, each.read_text()) for each in shims))
    return target


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """The entries of a folder; empty if the folder cannot be read."""
    try:
        with os.scandir(folder) as listed:
            return list(listed)
    except OSError:
        return []


def _write(root: str, tree: Tree) -> None:
    """Write a tree below ``root``, which ends with a slash."""
    made = set()
    for path, (mode, body) in tree.items():
        folder = path.rpartition("/")[0]
        if folder not in made:
            os.makedirs(root + folder, exist_ok=True)
            made.add(folder)
        if mode == LINK:
            os.symlink(body, os.fsencode(root + path))
            continue
        _put(root + path, body)
        if mode != 0o644:
            os.chmod(root + path, mode)


def _put(path: str, body: bytes) -> None:
    """Write a file without a buffered file object, for speed: each folder has dozens of small files."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        while body:
            body = body[os.write(file, body) :]
    finally:
        os.close(file)
