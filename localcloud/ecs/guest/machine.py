"""Runs a script inside a guest: its disks become a folder, the script really runs there, changed disks are packed again.

The folder is GUEST_ROOT; commands that would tell of the host (uname, df, rpm ...) come from .guest/bin of the system disk,
where it has any, else from the shims, which print what data files in .guest say (functions.py: without a program of their own
where that makes no difference). The SMC client is found at /smc as well. A script asks the outside through two pipes in
GUEST_PORT: a line into ``ask``, a line back from ``answer``.
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
"""No script keeps the machine longer than this; the cloud's own time limit counts the time a script says it sleeps."""
_CLIENT = re.compile(r"(?<![\w$}./\"'-])/smc/go2aliyun_client")
_MODEST = 5
"""The niceness of a script whose answer nobody waits for yet."""
Ask = Callable[[str], str]


@dataclass
class Run:
    """How a script ended; ``slept_s`` is the cloud's time it took in ``sleep``."""

    exit_code: int = 0
    output: bytes = b""
    timed_out: bool = False
    slept_s: float = 0.0
    changed: dict[str, Tree] = field(default_factory=dict)
    """New content by mount point, of the disks the script changed."""


@dataclass(frozen=True)
class Machine:
    """What a script runs on: the guest's disks, the commands of its system, and the time."""

    folder: Folder
    commands: Path
    windows: bool
    now_s: int


Pause = Callable[[float], None]
"""Called with the seconds slept so far whenever a script is about to sleep, or has asked something."""


def run(guest: Machine, script: str, *, timeout_s: int, ask: Ask, pause: Pause = lambda slept_s: None) -> Run:
    """Run a script in a guest. ``ask`` answers what the guest asks of the outside."""
    shell = Shell(guest, script)
    shell.pause = pause
    return shell.attend(timeout_s=timeout_s, ask=ask)


class Shell:
    """A script that has been started in a guest. It asks nothing of the outside until it is attended to."""

    def __init__(self, guest: Machine, script: str) -> None:
        """Raises OSError where no process can be made."""
        self._guest, self._result, self._asked, self._silent = guest, Run(), b"", False
        self.pause: Pause = lambda slept_s: None
        self._port = tempfile.TemporaryDirectory(prefix="guest-port-", dir=room())
        port = self._port.name
        with open(f"{port}/script", "w", encoding="utf-8") as file:
            file.write(script if guest.windows else _for_linux(guest, script))
        for name in ("ask", "answer"):
            os.mkfifo(f"{port}/{name}")
        # Open before the script is: it must not wait for somebody to open them, and must end when this process does.
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
        """Let the script run with what the others leave of the processors."""
        os.setpriority(os.PRIO_PROCESS, self._process.pid, _MODEST)

    def collect(self) -> bool:
        """Take what the script has said so far, without waiting; whether it has ended."""
        if self._process.returncode is None:
            self._hear(0)
            if self._silent and self._process.poll() is not None:
                self._hear(0)
                self._over()
        return self._process.returncode is not None

    def attend(self, *, timeout_s: int, ask: Ask) -> Run:
        """Answer its questions until it ends or its time is up."""
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
        """Nobody waits for it any more."""
        if self._process.returncode is None:
            self._over(kill=True)

    def _hear(self, patience_s: float) -> None:
        """Read the output and the questions that come within a time."""
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
    """Whether the system disk brings commands of its own."""
    return os.path.isdir(f"{guest.folder.root}/.guest/bin")


def _for_linux(guest: Machine, script: str) -> str:
    """The script as the guest's shell reads it."""
    return _told(script, None if _has_own(guest) else guest.commands / FUNCTIONS)


@lru_cache(maxsize=32)
def _told(script: str, known: Path | None) -> str:
    """The script with the SMC client where it is found, and with what the shell is to know beforehand."""
    script = _CLIENT.sub("go2aliyun_client", script)
    return functions.prepared(script, known) if known else script


@lru_cache(maxsize=4)
def _shell(path: str) -> str | None:
    """Where the folders of ``path`` have the shell: looked for once, not in every folder at each run."""
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
