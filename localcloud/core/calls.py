"""The call log: each call, its caller, the client that sent it, and its result."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class CallRecord:
    """One finished call of ``account``. ``code`` is empty if the call succeeded.

    ``now_ms`` is the cloud's time; the machine's clock measures ``took_us``.
    """

    service: str
    operation: str
    principal: str
    user_agent: str
    status: int
    code: str
    now_ms: int
    took_us: int
    summary: str = ""
    account: str = ""


class Calls:
    """The newest calls, and the number of calls of each kind since the start."""

    def __init__(self, keep: int = 20_000) -> None:
        self.newest: deque[CallRecord] = deque(maxlen=keep)
        self.counts: Counter[tuple[str, str, str, str]] = Counter()

    def add(self, record: CallRecord) -> None:
        self.newest.append(record)
        self.counts[record.service, record.operation, record.principal, record.code] += 1

    def as_json(self, limit: int) -> dict[str, Any]:
        """The counts, and the newest ``limit`` records, as JSON."""
        counts = [
            {"service": service, "operation": operation, "principal": principal, "code": code, "count": count}
            for (service, operation, principal, code), count in sorted(self.counts.items())
        ]
        return {"counts": counts, "newest": [asdict(record) for record in list(self.newest)[-limit:]] if limit else []}
