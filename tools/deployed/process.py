"""``python -m localcloud`` in a separate process, for tests of its start, its end, and kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localcloud.client import LocalCloud
from localcloud.core.access_keys import OWNER, Key
from localcloud.core.app import REGION
from tools.deployed.clients import eventbridge, functions

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """A served cloud, and the clients of its ready line."""

    region = REGION

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "localcloud", *map(str, arguments)]
        environment = {**os.environ, "http_proxy": "http://127.0.0.1:9"}
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        _started.append(self.process)
        assert self.process.stdout
        line = self.process.stdout.readline()
        self.ready_s = time.monotonic() - self.started
        assert line, self.process.stderr.read() if self.process.stderr else ""
        self.line: dict[str, Any] = json.loads(line)
        self.owner = Key(self.line["access_key_id"], self.line["access_key_secret"], "", OWNER)
        self.client = LocalCloud(self.line["admin"], self.line["admin_token"])

    @property
    def eventbridge(self) -> Any:
        """EventBridge's client, as the account's owner."""
        return eventbridge(self, endpoint=self.line["eventbridge"].removeprefix("http://"))

    @property
    def fc(self) -> Any:
        """Function Compute's client, as the account's owner."""
        return functions(self, endpoint=self.line["fc"])

    def admin(self, path: str, body: Any = None) -> Any:
        """The answer of the cloud's own endpoint."""
        name = path.removeprefix("/")
        return self.client.get(name) if body is None else self.client.post(name, body)

    def until(self, found: Callable[[], Any], limit_s: float = 20.0) -> Any:
        """Repeat a question until its answer is not empty. The only waiting in tests is for another process."""
        deadline = time.monotonic() + limit_s
        while not (got := found()):
            assert time.monotonic() < deadline, "not reached in time"
            time.sleep(0.02)
        return got

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait. Returns the exit status of the process."""
        self.process.send_signal(number)
        self.process.communicate(timeout=20)
        return self.process.returncode


_started: list[subprocess.Popen[str]] = []


@contextmanager
def nothing_left_running() -> Iterator[None]:
    """Check that every process started within the block has ended."""
    yield
    while _started:
        process = _started.pop()
        if process.poll() is None:
            process.kill()
            process.wait()
