"""The file by which others find a running cloud in its state folder: its process id and its ready line.

The process holds a lock on the file as long as it lives. The system takes the lock away from a process that is killed, so a file
that is left behind stands in nobody's way.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

NAME = "running.json"


_held: list[IO[str]] = []
"""Open, and so locked, until the process ends."""


def claim_folder(folder: Path, ready: dict[str, Any]) -> None:
    """Write and lock the file. Only this user may read it: it holds keys."""
    file = os.fdopen(os.open(folder / NAME, os.O_CREAT | os.O_RDWR, 0o600), "r+", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    file.truncate()
    file.write(json.dumps({"pid": os.getpid(), **ready}) + "\n")
    file.flush()
    _held.append(file)


def release_folder(folder: Path) -> None:
    """Remove the file. Its lock stays until the process has ended: whoever waits for that waits for the lock."""
    with suppress(OSError):
        (folder / NAME).unlink()
