"""The state folder of a local cloud.

Finds and stops the cloud that uses the folder, and keeps a file with the cloud's options.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from cli.client import HttpClient
from cli.problem import Problem, bad_input_problem
from cli.run.cloud import STOP_S, RunningCloud

Json = dict[str, Any]
RUNNING, MARK = "running.json", "replank-local.json"
"""The names of two files in the state folder.

The running cloud locks the file RUNNING. The commands `replank local` write the file MARK.
"""
LOOK_S = 0.05


@dataclass
class StateFolder:
    """The state folder of a local cloud. ``mark`` is the content of the mark file: the regions, and whether a fleet was loaded."""

    path: Path
    mark: Json = field(default_factory=dict)

    @classmethod
    def from_path(cls, path: Path) -> StateFolder:
        """The state folder at a path. The folder need not exist. Raises Problem (State.NotOurs) if the folder holds other files."""
        path = path.resolve()
        try:
            return cls(path, json.loads((path / MARK).read_text(encoding="utf-8")))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            raise bad_input_problem("State.NotOurs", f"{path / MARK} cannot be read: {error}.", "Name another folder.") from None
        ours = {"cloud.sqlite", "localcloud.log"}  # written by `python -m localcloud` or by a start that failed
        if path.is_dir() and (found := {each.name for each in path.iterdir()}) and not found & ours:
            raise bad_input_problem(
                "State.NotOurs", f"{path} contains files, but not the state of a local cloud.", "Name an empty folder."
            )
        return cls(path)

    def update_mark(self, **more: Any) -> None:
        """Add values to the mark and write the mark file."""
        self.mark |= more
        unfinished = self.path / f"{MARK}.part"
        unfinished.write_text(json.dumps(self.mark), encoding="utf-8")
        unfinished.replace(self.path / MARK)

    def running_cloud(self) -> RunningCloud | None:
        """The cloud that runs in this folder; None if no cloud runs.

        If a killed cloud left the file RUNNING behind, the file is ignored, because no process locks the file.
        """
        ready = self._read_running_file()
        return RunningCloud(None, ready, HttpClient()) if ready else None

    def require_running_cloud(self) -> RunningCloud:
        """The cloud that runs in this folder. Raises Problem (LocalCloud.NotRunning) if no cloud runs."""
        found = self.running_cloud()
        if found is None:
            remedy = "Start it with `replank local up`, or name its folder with --state."
            raise Problem("LocalCloud.NotRunning", f"No local cloud runs in {self.path}.", remedy)
        return found

    def stop_cloud(self) -> bool:
        """Terminate the cloud's process and wait until the process has ended. Kill the process if it does not end in time.

        Returns False if no cloud runs in this folder.
        """
        ready = self._read_running_file()
        if not ready:
            return False
        try:
            file = (self.path / RUNNING).open(encoding="utf-8")
        except FileNotFoundError:
            return True  # the process has just ended by itself
        with file:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.kill(int(ready["pid"]), number)
                if self._wait_until_true(lambda: _is_unlocked(file)):
                    return True
        raise Problem("LocalCloud.NotStopped", f"Process {ready['pid']} does not end.", f"Look at it: ps -fp {ready['pid']}")

    def _wait_until_true(self, reached: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + STOP_S
        while not reached():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_S)
        return True

    def _read_running_file(self) -> Json:
        """The content of the file that the running cloud locks; empty if no process holds the lock."""
        try:
            with (self.path / RUNNING).open(encoding="utf-8") as file:
                found: Json = {} if _is_unlocked(file) else json.loads(file.read() or "{}")
                return found
        except FileNotFoundError:
            return {}


def _is_unlocked(file: IO[str]) -> bool:
    """Whether no other process holds a lock on the file."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True
