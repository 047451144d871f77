"""The file by which other processes find a running cloud: it is in the state folder and holds the process id and the ready line.

The process holds a lock on the file while it runs. The system releases the lock when a process is killed, so the file of a killed
process blocks nobody.
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
"""The open files. An open file keeps its lock until the process ends."""


def claim_folder(folder: Path, ready: dict[str, Any]) -> None:
    """Write and lock the file. Only this user can read it, because it holds keys."""
    file = os.fdopen(os.open(folder / NAME, os.O_CREAT | os.O_RDWR, 0o600), "r+", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    file.truncate()
    file.write(json.dumps({"pid": os.getpid(), **ready}) + "\n")
    file.flush()
    _held.append(file)


def release_folder(folder: Path) -> None:
    """Delete the file. The lock stays until the process ends, so a process that waits for the lock waits for that end."""
    with suppress(OSError):
        (folder / NAME).unlink()
