"""One worker process from the cloud's side: started by its first request, killed if a request takes too long."""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from localcloud.fc.interpreter import interpreter
from localcloud.fc.invoker import context, environment
from localcloud.fc.model import UNHANDLED, Function, Invocation, Result, failure

WORKER = str(Path(__file__).with_name("worker.py"))
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV")
"""The environment variables of this machine that a function sees. Proxy settings are left out, because the SDKs would send loopback
calls to the proxy.
"""
MAX_LOG_BYTES = 64 * 1024


_interpreter = lru_cache(interpreter)


def _python(function: Function) -> list[str]:
    """The command that runs the function: this Python with its packages. For a zip package, the Python of the runtime without any
    packages.
    """
    if not function.package:
        return [sys.executable, "-I"]
    found = _interpreter(function.runtime.removeprefix("python"))
    if found is None:
        raise FileNotFoundError(f"no {function.runtime} is on this machine")
    return [str(found), "-I", "-S", "-B"]


class Gone(Exception):
    """The process ended before it answered."""


class TimedOut(Exception):
    """The process did not answer in time and was killed."""


class Instance:
    """One instance, used by one thread only. The function's standard output and error go to ``log_path``."""

    def __init__(self, function: Function, invocation: Invocation, instance_id: str, log_path: Path, memory_limit: bool) -> None:
        self.function = function
        self._log = log_path.open("ab+", buffering=0)
        there, self._requests = os.pipe()
        self._answers, back = os.pipe()
        machine = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self.process = subprocess.Popen(
            [*_python(function), WORKER, str(there), str(back)],
            env={**machine, "PYTHONUNBUFFERED": "1", **environment(function, invocation, instance_id)},
            cwd=function.code[0] if function.code else None,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=(there, back),
            start_new_session=True,
        )
        os.close(there)
        os.close(back)
        self._begun = False
        self._peak_mb = 0
        self._memory_mb = function.memory_mb if memory_limit else 0

    def run(self, invocation: Invocation) -> Result:
        """Carry out one request. ``alive`` tells whether the instance can take another."""
        started, at = time.perf_counter(), os.fstat(self._log.fileno()).st_size
        try:
            result = self._initialize(invocation) or self._request(invocation)
        except TimedOut as error:
            result = failure(str(error))
        except (Gone, OSError):
            self.kill()
            used = f"duration: {(time.perf_counter() - started) * 1000:.0f}ms, maxMemoryUsage: {self._peak_mb}MB"
            result = failure(f"Process exited unexpectedly before completing request ({used})")
        took_ms = (time.perf_counter() - started) * 1000
        return Result(result.body, result.error, self._log_since(at), took_ms)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def _initialize(self, invocation: Invocation) -> Result | None:
        """Load the code at the first request. Returns a result only if that failed; the instance is then unusable."""
        if self._begun:
            return None
        function = self.function
        frame = {"code": list(function.code), "handler": function.handler, "initializer": function.initializer}
        fields = {"context": context(function, invocation), "now": invocation.now, "memory_mb": self._memory_mb}
        limit_s = max(function.initializer_timeout_s, 60 if not function.initializer else 0)
        reply = self._exchange({**frame, **fields}, limit_s, "Function initializer")
        self._begun = True
        if not reply["error"]:
            return None
        self.kill()
        return Result(base64.b64decode(reply["body"]), UNHANDLED)

    def _request(self, invocation: Invocation) -> Result:
        payload = base64.b64encode(invocation.payload).decode()
        fields = {"context": context(self.function, invocation), "now": invocation.now, "memory_mb": self._memory_mb}
        frame = {"payload": payload, **fields}
        reply = self._exchange(frame, self.function.timeout_s, "Function")
        return Result(base64.b64decode(reply["body"]), UNHANDLED if reply["error"] else "")

    def _exchange(self, frame: dict[str, Any], limit_s: float, what: str) -> dict[str, Any]:
        body = json.dumps(frame).encode()
        self._write(len(body).to_bytes(4, "big") + body)
        deadline = time.monotonic() + limit_s
        size = int.from_bytes(self._read(4, deadline, limit_s, what), "big")
        reply: dict[str, Any] = json.loads(self._read(size, deadline, limit_s, what))
        return reply

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._requests, view) :]

    def _read(self, size: int, deadline: float, limit_s: float, what: str) -> bytes:
        parts: list[bytes] = []
        while size:
            if not select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))[0]:
                self.kill()
                raise TimedOut(f"{what} time out after {limit_s:g} seconds")
            part = os.read(self._answers, min(size, 1 << 20))
            if not part:
                raise Gone
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _log_since(self, at: int) -> str:
        end = os.fstat(self._log.fileno()).st_size
        self._log.seek(max(at, end - MAX_LOG_BYTES))
        return self._log.read(MAX_LOG_BYTES).decode("utf-8", "replace")

    def kill(self) -> None:
        """Kill the process and its children at once."""
        if self.process.returncode is not None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except OSError:
            self.process.kill()
        try:
            _, status, usage = os.wait4(self.process.pid, 0)  # Popen's own wait does not report the memory
        except ChildProcessError:  # another thread has already waited for the process
            self.process.wait()
            return
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self._peak_mb = usage.ru_maxrss // 1024

    def close(self) -> None:
        """Kill the process and close its file descriptors."""
        self.kill()
        for descriptor in (self._requests, self._answers):
            os.close(descriptor)
        self._log.close()
