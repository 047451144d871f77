"""The functions of the account, in its stored state, and the newest invocations with their logs, in memory."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError
from localcloud.fc.model import Function

KEEP_INVOCATIONS = 5_000


@dataclass(frozen=True)
class Times:
    """When a function was created and last changed (milliseconds)."""

    created_ms: int
    modified_ms: int


class Functions:
    """Functions by name. Reads are cached, because every delivery reads."""

    def __init__(self, cloud: Cloud) -> None:
        self._now_ms = cloud.clock.now_ms
        self._times = cloud.db.collection("fc.function_times")
        self._docs = cloud.db.collection("fc.function")
        self._cache: dict[str, Function] = {name: Function.from_json(doc) for name, doc in self._docs.items()}

    def put(self, function: Function) -> bool:
        """Create or replace a function. Returns whether anything changed."""
        changed = self._cache.get(function.name) != function
        if changed or self._times.get(function.name) is None:
            now, known = self._now_ms(), self._times.get(function.name)
            self._times.put(function.name, asdict(Times(known["created_ms"] if known else now, now)))
        self._docs.put(function.name, function.as_json())
        self._cache[function.name] = function
        return changed

    def drop(self, name: str) -> None:
        self._docs.delete(name)
        self._times.delete(name)
        self._cache.pop(name, None)

    def times(self, name: str) -> Times:
        """When a function was created and last changed; the epoch if an older version stored it."""
        return Times(**(self._times.get(name) or {"created_ms": 0, "modified_ms": 0}))

    def get(self, name: str) -> Function | None:
        return self._cache.get(name)

    def need(self, name: str) -> Function:
        """The function of a name. Raises FunctionNotFound."""
        function = self._cache.get(name)
        if function is None:
            raise ApiError("FunctionNotFound", f"function '{name}' does not exist", 404)
        return function

    def all(self) -> list[Function]:
        return [self._cache[name] for name in sorted(self._cache)]


@dataclass(frozen=True)
class Ended:
    """One finished invocation: what started it (``api``, ``http``, ``timer``, ``eventbridge``, ``retry``), its result, its log."""

    request_id: str
    function: str
    source: str
    attempt: int
    at_ms: int
    took_ms: float
    error: str
    result: str
    log: str

    def as_json(self, *, with_log: bool) -> dict[str, Any]:
        fields = asdict(self)
        return fields if with_log else {name: value for name, value in fields.items() if name != "log"}


class History:
    """The newest finished invocations."""

    def __init__(self) -> None:
        self.newest: deque[Ended] = deque(maxlen=KEEP_INVOCATIONS)
        self.counts: dict[str, int] = {}
        """The number of invocations since the start, by function; those that failed are under ``function!``."""

    def add(self, ended: Ended) -> None:
        self.newest.append(ended)
        for name in (ended.function, *([f"{ended.function}!"] if ended.error else [])):
            self.counts[name] = self.counts.get(name, 0) + 1

    def of(self, function: str = "", limit: int = 100) -> list[Ended]:
        """The newest ``limit`` invocations, oldest first: of one function if it is named, else of all."""
        return [ended for ended in self.newest if function in ("", ended.function)][-limit:]
