"""Runs functions in worker processes. Each function has a queue and a few threads; each thread owns one instance."""

from __future__ import annotations

import queue
import tempfile
import threading
from pathlib import Path
from uuid import uuid4

from localcloud.fc.instance import Instance
from localcloud.fc.invoker import OnDone
from localcloud.fc.model import Function, Invocation, failure
from localcloud.fc.packages import Packages

_Work = tuple[Function, Invocation, OnDone]


class WorkerInvoker:
    """Starts up to ``instances`` processes per function, when they are needed. Their output goes to ``logs``."""

    def __init__(self, logs: Path | None = None, *, instances: int = 2, memory_limit: bool = False) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="localcloud-logs-") if logs is None else None
        self._logs = Path(self._temporary.name) if self._temporary else logs or Path()
        self._logs.mkdir(parents=True, exist_ok=True)
        self._packages = Packages(self._logs.with_name("code") if logs else self._logs / "code")
        self._instances, self._memory_limit = instances, memory_limit
        self._pools: dict[str, _Pool] = {}
        self._lock = threading.Lock()

    def start(self, function: Function, invocation: Invocation, on_done: OnDone) -> None:
        with self._lock:
            pool = self._pools.get(function.name)
            if pool is None:
                pool = self._pools[function.name] = _Pool(self._logs, self._packages, self._instances, self._memory_limit)
        pool.submit((function, invocation, on_done))

    def forget(self, name: str) -> None:
        with self._lock:
            pool = self._pools.pop(name, None)
        if pool:
            pool.retire()

    def processes(self, name: str) -> list[int]:
        """The process ids of a function's instances."""
        pool = self._pools.get(name)
        return pool.processes() if pool else []

    def close(self) -> None:
        for name in list(self._pools):
            pool = self._pools.pop(name)
            pool.retire()
            pool.kill()
        if self._temporary:
            self._temporary.cleanup()


class _Pool:
    """The instances of one function. Each thread takes work from the queue until it gets None."""

    def __init__(self, logs: Path, packages: Packages, size: int, memory_limit: bool) -> None:
        self._logs, self._packages, self._size, self._memory_limit = logs, packages, size, memory_limit
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._unfinished = 0
        self._alive: dict[int, Instance] = {}

    def submit(self, work: _Work) -> None:
        with self._lock:
            self._unfinished += 1
            grow = self._threads < self._size and self._unfinished > self._threads
            self._threads += grow
            number = self._threads
        self._work.put(work)
        if grow:
            threading.Thread(target=self._serve, args=(number,), name=f"{work[0].name}-{number}", daemon=True).start()

    def _serve(self, number: int) -> None:
        instance: Instance | None = None
        while (work := self._work.get()) is not None:
            instance = self._run(work, instance, number)
        self._end(instance, number)

    def _run(self, work: _Work, instance: Instance | None, number: int) -> Instance | None:
        function, invocation, on_done = work
        try:
            function = self._packages.unpacked(function)
            if instance is None or not instance.alive or instance.function != function:
                self._end(instance, number)
                log = self._logs / f"{function.name}-{number}.log"
                instance = Instance(function, invocation, f"c-{uuid4()}", log, self._memory_limit)
                self._alive[number] = instance
            result = instance.run(invocation)
        except OSError as error:
            instance, result = None, failure(f"The instance could not be started: {error}")
        with self._lock:
            self._unfinished -= 1
        on_done(result)
        return instance

    def _end(self, instance: Instance | None, number: int) -> None:
        self._alive.pop(number, None)
        if instance:
            instance.close()

    def processes(self) -> list[int]:
        return [instance.process.pid for instance in list(self._alive.values()) if instance.alive]

    def retire(self) -> None:
        """Let the threads end after the work in the queue."""
        for _ in range(self._threads):
            self._work.put(None)

    def kill(self) -> None:
        """Kill the processes now. Their current requests fail."""
        for instance in list(self._alive.values()):
            instance.kill()
