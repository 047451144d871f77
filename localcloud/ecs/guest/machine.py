"""Runs a script inside a guest: writes its disks to a folder, runs the script there, and packs the changed disks again.

The folder is GUEST_ROOT. Some commands would reveal the host (uname, df, rpm ...). They come from .guest/bin of the system disk, if
it has that folder, else from the shims. Shims print data files in .guest; functions.py makes shell functions of them where
possible. The SMC client is found at /smc as well. A script asks the cloud through two pipes in GUEST_PORT: it writes a line into
``ask`` and reads a line from ``answer``.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from localcloud.ecs.guest import functions
from localcloud.ecs.guest.blob import Tree
from localcloud.ecs.guest.folders import FUNCTIONS, Folder, room

WALL_LIMIT_S = 30.0
"""The longest real time of a script, in seconds. The cloud's own time limit counts the time that a script says it sleeps."""
_CLIENT = re.compile(r"(?<![\w$}./\"'-])/smc/go2aliyun_client")
_MODEST = 5
"""The niceness of a script that runs ahead, before anybody waits for its result."""
Ask = Callable[[str], str]


@dataclass
class Run:
    """The result of a script. ``slept_s`` is the cloud's time that its ``sleep`` calls took."""

    exit_code: int = 0
    output: bytes = b""
    timed_out: bool = False
    slept_s: float = 0.0
    changed: dict[str, Tree] = field(default_factory=dict)
    """The new content of the disks that the script changed, by mount point."""


@dataclass(frozen=True)
class Machine:
    """What a script runs on: the guest's disks, the commands of its system, and the time."""

    folder: Folder
    commands: Path
    windows: bool
    now_s: int


Pause = Callable[[float], None]
"""Called before each sleep and after each question of a script, with the seconds slept so far."""


def run(guest: Machine, script: str, *, timeout_s: int, ask: Ask, pause: Pause = lambda slept_s: None) -> Run:
    """Run a script in a guest. ``ask`` answers the guest's questions to the cloud."""
    shell = Shell(guest, script)
    shell.pause = pause
    return shell.attend(timeout_s=timeout_s, ask=ask)


class Shell:
    """A script that has been started in a guest. Its questions wait until ``attend``."""

    def __init__(self, guest: Machine, script: str) -> None:
        """Start the script. Raises OSError if no process can be made."""
        self._guest, self._result, self._asked, self._silent = guest, Run(), b"", False
        self.pause: Pause = lambda slept_s: None
        self._port = tempfile.TemporaryDirectory(prefix="guest-port-", dir=room())
        port = self._port.name
        with open(f"{port}/script", "w", encoding="utf-8") as file:
            file.write(script if guest.windows else _for_linux(guest, script))
        for name in ("ask", "answer"):
            os.mkfifo(f"{port}/{name}")
        # Open both pipes before the script does. Then the script never waits for a partner, and it ends when this process ends.
        self._asking, self._answering = (os.open(f"{port}/{name}", os.O_RDWR | os.O_NONBLOCK) for name in ("ask", "answer"))
        self._close = weakref.finalize(self, _closed, self._asking, self._answering)
        try:
            self._process = _start(guest, port)
        except OSError:
            self._tidy()
            raise
        self._selector = selectors.DefaultSelector()
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._selector.register(self._asking, selectors.EVENT_READ)

    def yield_to_others(self) -> None:
        """Lower the script's priority."""
        os.setpriority(os.PRIO_PROCESS, self._process.pid, _MODEST)

    def collect(self) -> bool:
        """Read the output so far without waiting. Returns whether the script has ended."""
        if self._process.returncode is None:
            self._hear(0)
            if self._silent and self._process.poll() is not None:
                self._hear(0)
                self._over()
        return self._process.returncode is not None

    def attend(self, *, timeout_s: int, ask: Ask) -> Run:
        """Answer the script's questions until it ends or its time is up."""
        result, limit = self._result, time.monotonic() + min(timeout_s, WALL_LIMIT_S)
        try:
            while not result.timed_out:
                lines, self._asked = self._asked.decode(errors="replace"), b""
                self._answer(lines, timeout_s, ask)
                if self._silent or result.timed_out:
                    break
                self._hear(max(0.0, limit - time.monotonic()))
                result.timed_out = time.monotonic() >= limit
        finally:
            if self._process.returncode is None:
                self._over(kill=result.timed_out)
        result.exit_code = self._process.returncode
        result.changed = self._guest.folder.changes()
        return result

    def end(self) -> None:
        """Kill the script: nobody waits for its result any more."""
        if self._process.returncode is None:
            self._over(kill=True)

    def _hear(self, patience_s: float) -> None:
        """Read output and questions for at most this long."""
        ready = {key.fd for key, _ in self._selector.select(patience_s)}
        if self._asking in ready:
            self._asked += os.read(self._asking, 65536)
        if self._output in ready:
            chunk = os.read(self._output, 65536)
            self._result.output += chunk
            self._silent = not chunk

    def _answer(self, lines: str, timeout_s: int, ask: Ask) -> None:
        result = self._result
        for line in lines.splitlines():
            verb, _, rest = line.partition(" ")
            self.pause(result.slept_s)
            if verb == "sleep":
                result.slept_s += float(rest) if re.fullmatch(r"[\d.]+", rest) else 0.0
                result.timed_out = result.slept_s > timeout_s
                if result.timed_out:
                    return
                reply = "ok"
            else:
                reply = ask(line)
            if self._close.alive:
                os.write(self._answering, reply.replace("\n", " ").encode() + b"\n")

    def _over(self, *, kill: bool = False) -> None:
        if kill:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._selector.close()
        self._tidy()

    def _tidy(self) -> None:
        self._close()
        self._port.cleanup()


def _closed(*files: int) -> None:
    for file in files:
        os.close(file)


def _has_own(guest: Machine) -> bool:
    """Whether the system disk contains its own commands."""
    return os.path.isdir(f"{guest.folder.root}/.guest/bin")


def _for_linux(guest: Machine, script: str) -> str:
    """The script as the guest's shell will read it."""
    return _told(script, None if _has_own(guest) else guest.commands / FUNCTIONS)


@lru_cache(maxsize=32)
def _told(script: str, known: Path | None) -> str:
    """The script with the path of the SMC client filled in, and with the variables that the shell must know first."""
    script = _CLIENT.sub("go2aliyun_client", script)
    return functions.prepared(script, known) if known else script


@lru_cache(maxsize=4)
def _shell(path: str) -> str | None:
    """The path of the shell in the folders of ``path``. The result is cached."""
    found = shutil.which("sh", path=path)
    return found if found and os.path.isabs(found) else None


def _start(guest: Machine, port: str) -> subprocess.Popen[bytes]:
    root = str(guest.folder.root)
    host_path = os.environ.get("PATH", "/usr/bin:/bin")
    environment = {
        "GUEST_ROOT": root,
        "GUEST_PORT": port,
        "GUEST_EPOCH": str(guest.now_s),
        "HOST_PATH": host_path,
        "PATH": f"{root}/.guest/bin:{guest.commands}/linux:{host_path}",
        "HOME": f"{root}/root",
        "LC_ALL": "C",
    }
    command = [f"{guest.commands}/windows/powershell"] if guest.windows else ["sh"]
    return subprocess.Popen(
        [*command, f"{port}/script"],
        executable=None if guest.windows or _has_own(guest) else _shell(host_path),
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
