"""The one way to run a function. Virtual time stands still during the run, and the end is recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from localcloud.core.app import Cloud
from localcloud.core.clock import iso
from localcloud.fc.invoker import Invoker
from localcloud.fc.model import Function, Invocation, Result
from localcloud.fc.store import Ended, History

MAX_SHOWN_BYTES = 4000
SYNC_PATIENCE_S = 86_400 + 60.0


class Runner:
    """Starts invocations on the invoker and keeps their history."""

    def __init__(self, cloud: Cloud, invoker: Invoker, history: History) -> None:
        self._cloud, self.invoker, self._history = cloud, invoker, history

    def start(
        self,
        function: Function,
        payload: bytes,
        source: str,
        on_done: Callable[[Result], None],
        *,
        request_id: str = "",
        attempt: int = 0,
    ) -> None:
        """Begin an invocation. ``on_done`` is called once when it ends, before virtual time may move on."""
        cloud = self._cloud
        with cloud.lock:
            cloud.in_flight += 1
            at_ms = cloud.clock.now_ms()
            key = cloud.identities.of(f"role:{function.role}") if function.role else None
            request_id = request_id or cloud.request_id()
        now = iso(at_ms, millis=True) if cloud.clock.virtual else ""
        invocation = Invocation(request_id, payload, key, cloud.region, cloud.account_id, now)

        done: list[bool] = []

        def ended(result: Result) -> None:
            done.append(True)
            try:
                text = result.body[:MAX_SHOWN_BYTES].decode("utf-8", "replace")
                log = f"FC Invoke Start RequestId: {request_id}\n{result.log}FC Invoke End RequestId: {request_id}\n"
                record = Ended(request_id, function.name, source, attempt, at_ms, result.took_ms, result.error, text, log)
                self._history.add(record)
                on_done(replace(result, log=log))
            finally:
                cloud.leave()

        try:
            self.invoker.start(function, invocation, ended)
        except BaseException:
            if not done:
                cloud.leave()
            raise

    def run(self, function: Function, payload: bytes, source: str, request_id: str) -> Result:
        """Run a function and wait for it. The caller must not hold the cloud's lock."""
        result = self.run_within(function, payload, source, request_id, SYNC_PATIENCE_S)
        if result is None:
            raise TimeoutError(f"{function.name} did not end within {SYNC_PATIENCE_S} s")
        return result

    def run_within(self, function: Function, payload: bytes, source: str, request_id: str, patience_s: float) -> Result | None:
        """Run a function and wait. None if it has not ended within ``patience_s`` seconds; the function then continues."""
        done = threading.Event()
        results: list[Result] = []

        def keep(result: Result) -> None:
            results.append(result)
            done.set()

        self.start(function, payload, source, keep, request_id=request_id)
        done.wait(patience_s)
        return results[0] if results else None
