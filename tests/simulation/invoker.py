"""Runs functions inside the simulation. Invocations can be nested and killed; a killed function starts as a new instance."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from localcloud.fc.invoker import OnDone, context, environment
from localcloud.fc.model import UNHANDLED, Function, Invocation, Result
from shared.runtime import invocation
from tests.simulation.frames import Frame


class Killed(BaseException):
    """The machine under a function disappeared in the middle of a call."""


@dataclass
class SimInvoker:
    """An Invoker that keeps the stack of invocations. ``began`` returns a number that orders invocations among row changes."""

    began: Callable[[], int] = lambda: 0
    say: Callable[[str], None] = lambda text: None
    ended: Callable[[Frame, Result], None] = lambda frame, result: None
    now_ms: Callable[[], int] = lambda: 0
    frames: list[Frame] = field(default_factory=list)
    skew_ms: dict[str, int] = field(default_factory=dict)
    """By function: the difference between its clock and the account's."""
    newer: bool = False
    """Whether invocations from now on run the newer version. Running ones keep their version."""
    knows_protection = True
    """Whether every version that runs knows deletion protection."""
    _environments: dict[str, dict[str, str]] = field(default_factory=dict)

    def start(self, function: Function, invocation: Invocation, on_done: OnDone) -> None:
        name = function.name.removeprefix("replank-")
        frame = Frame(
            name, invocation.request_id, self.began(), self.now_ms(), function.timeout_s, invocation.payload, newer=self.newer
        )
        frame.clock_ms = frame.now_ms + self.skew_ms.get(name, 0)
        self.say(f"BEGIN {name} {_gist(invocation.payload)}")
        self.frames.append(frame)
        try:
            with _environment(function, invocation, self.skew_ms.get(name, 0)):
                result = self._run(name, function, invocation)
        finally:
            self.frames.pop()
        self.say(f"END {name} {result.error} {result.body[:160].decode(errors='replace') if name != 'api' else ''}")
        self.ended(frame, result)
        on_done(result)

    def _run(self, name: str, function: Function, invocation: Invocation) -> Result:
        handler = importlib.import_module(f"functions.{name}.index").handler
        try:
            return Result(_body(handler(invocation.payload, _namespace(context(function, invocation)))))
        except Killed:
            self.kill(name)
            return _failed("Killed", "The function instance ended.")
        except Exception as error:
            return _failed(_kind(error), str(error))

    def kill(self, name: str) -> None:
        """Delete what an instance of the function held in memory."""
        invocation._running.pop(name, None)

    def forget(self, name: str) -> None:
        self.kill(name.removeprefix("replank-"))

    def close(self) -> None:
        invocation._running.clear()

    def deploy(self, newer: bool) -> None:
        """Deploy the newer or the older version. From now on every invocation begins with empty memory."""
        self.newer = newer
        self.close()

    def heal(self) -> None:
        """End the faults that may happen only during the storm."""

    def runs_newer(self) -> bool:
        """Whether the current invocation runs the newer version."""
        return bool(self.frames) and self.frames[-1].newer

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Within the block, calls count as those of somebody outside of any function."""
        frames, self.frames = self.frames, []
        try:
            yield
        finally:
            self.frames = frames


@contextmanager
def _environment(function: Function, invocation: Invocation, skew_ms: int) -> Iterator[None]:
    wanted = environment(function, invocation, f"c-{function.name}")
    if invocation.now:
        wanted["LOCALCLOUD_NOW"] = _shifted(invocation.now, skew_ms)
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update({name: value for name, value in wanted.items() if before[name] != value})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            elif value != wanted[name]:
                os.environ[name] = value


def _shifted(now: str, by_ms: int) -> str:
    """A time as a clock shows it that is wrong by ``skew_ms``."""
    if not by_ms:
        return now
    right = datetime.fromisoformat(now.replace("Z", "+00:00"))
    return (right + timedelta(milliseconds=by_ms)).isoformat().replace("+00:00", "Z")


def _namespace(fields: dict[str, object]) -> SimpleNamespace:
    return SimpleNamespace(
        **{name: SimpleNamespace(**value) if isinstance(value, dict) else value for name, value in fields.items()}
    )


def _body(result: object) -> bytes:
    if isinstance(result, bytes):
        return result
    return (result if isinstance(result, str) else json.dumps(result)).encode()


def _kind(error: Exception) -> str:
    """The kind of an error by its name, because another version of the product has its own classes."""
    return "Transient" if any(each.__name__ == "Transient" for each in type(error).__mro__) else type(error).__name__


def _failed(kind: str, message: str) -> Result:
    return Result(json.dumps({"errorMessage": message, "errorType": kind}).encode(), UNHANDLED)


def _gist(payload: bytes) -> str:
    """What an invocation is about, for the trace."""
    try:
        document: Any = json.loads(payload)
    except ValueError:
        return "?"
    if not isinstance(document, dict):
        return "?"
    if "requestContext" in document:
        http = document["requestContext"].get("http") or {}
        return f"{http.get('method')} {http.get('path')}"
    data = document.get("data") or {}
    kind = str(document.get("type", document.get("triggerName", ""))).rpartition(":")[2]
    named = [str(data[key]) for key in ("migrationId", "batchId", "instanceId", "stage", "version") if key in data]
    return " ".join([kind, *named])
