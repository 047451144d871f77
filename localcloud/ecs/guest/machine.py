"""Runs a script inside a guest: its disks become a folder, the script really runs there, changed disks are packed again.

The folder is GUEST_ROOT; commands that would tell of the host (uname, df, rpm ...) come from .guest/bin of the system disk,
where it has any, else from the shims, which print what data files in .guest say. The SMC client is found at /smc as well. A
script asks the outside through two pipes in GUEST_PORT: a line into ``ask``, a line back from ``answer``.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.ecs.guest.blob import Tree
from localcloud.ecs.guest.folders import Folder, room

WALL_LIMIT_S = 30.0
"""No script keeps the machine longer than this; the cloud's own time limit counts the time a script says it sleeps."""
_CLIENT = re.compile(r"(?<![\w$}./\"'-])/smc/go2aliyun_client")
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


def run(guest: Machine, script: str, *, timeout_s: int, ask: Ask) -> Run:
    """Run a script in a guest. ``ask`` answers what the guest asks of the outside."""
    with tempfile.TemporaryDirectory(prefix="guest-port-", dir=room()) as name:
        port = Path(name)
        (port / "script").write_text(script if guest.windows else _CLIENT.sub("go2aliyun_client", script), encoding="utf-8")
        os.mkfifo(port / "ask")
        os.mkfifo(port / "answer")
        process = _start(guest, port)
        result = _attend(process, port, timeout_s, ask)
    result.changed = guest.folder.changes()
    return result


def _start(guest: Machine, port: Path) -> subprocess.Popen[bytes]:
    root = guest.folder.root
    host_path = os.environ.get("PATH", "/usr/bin:/bin")
    environment = {
        "GUEST_ROOT": str(root),
        "GUEST_PORT": str(port),
        "GUEST_EPOCH": str(guest.now_s),
        "HOST_PATH": host_path,
        "PATH": f"{root}/.guest/bin:{guest.commands}/linux:{host_path}",
        "HOME": str(root / "root"),
        "LC_ALL": "C",
    }
    command = [str(guest.commands / "windows/powershell")] if guest.windows else ["sh"]
    return subprocess.Popen(
        [*command, str(port / "script")],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _attend(process: subprocess.Popen[bytes], port: Path, timeout_s: int, ask: Ask) -> Run:
    """Read the output and answer questions until the script ends or its time is up."""
    result, limit = Run(), time.monotonic() + min(timeout_s, WALL_LIMIT_S)
    asking, answering = (os.open(port / name, os.O_RDWR | os.O_NONBLOCK) for name in ("ask", "answer"))
    assert process.stdout is not None
    output = process.stdout.fileno()
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            selector.register(asking, selectors.EVENT_READ)
            while not result.timed_out:
                ready = {key.fd for key, _ in selector.select(max(0.0, limit - time.monotonic()))}
                if asking in ready:
                    _answer(os.read(asking, 65536).decode(errors="replace"), answering, result, ask)
                if output in ready:
                    chunk = os.read(output, 65536)
                    if not chunk:
                        break
                    result.output += chunk
                result.timed_out = time.monotonic() >= limit or result.slept_s > timeout_s
    finally:
        _end(process, kill=result.timed_out)
        os.close(asking)
        os.close(answering)
    result.exit_code = process.returncode
    return result


def _answer(lines: str, answering: int, result: Run, ask: Ask) -> None:
    for line in lines.splitlines():
        verb, _, rest = line.partition(" ")
        if verb == "sleep":
            result.slept_s += float(rest) if re.fullmatch(r"[\d.]+", rest) else 0.0
            reply = "ok"
        else:
            reply = ask(line)
        os.write(answering, reply.replace("\n", " ").encode() + b"\n")


def _end(process: subprocess.Popen[bytes], *, kill: bool) -> None:
    if kill:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
