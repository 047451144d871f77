"""One JSON line per invocation, and one per warning, without secrets."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import Any

from shared.adapters.redact import hide

KEYS = (
    "requestId",
    "function",
    "event",
    "eventId",
    "migrationId",
    "batchId",
    "instanceId",
    "hop",
    "attempt",
    "version",
    "result",
    "code",
    "durationMs",
)
"""The order in which a line's facts stand; further ones follow by name."""
MAX_LINE = 16_000
"""Characters of one text in a line; Function Compute cuts lines at 32 KB."""

invocation: ContextVar[dict[str, Any]] = ContextVar("invocation", default={})  # noqa: B039 - replaced, never changed
"""What every line of the current invocation says: request id, function, event."""
log = logging.getLogger("replank")


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, the invocation's facts, the record's own, message."""

    def format(self, record: logging.LogRecord) -> str:
        own = {key: record.__dict__[key] for key in KEYS if key in record.__dict__}
        facts = {**invocation.get(), **own, **getattr(record, "facts", {})}
        at = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, Any] = {"time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "level": record.levelname}
        line.update({key: facts.pop(key) for key in KEYS if key in facts})
        line.update(sorted(facts.items()))
        line["message"] = record.getMessage()[:MAX_LINE]
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)[-MAX_LINE:]
        return hide(json.dumps(line, ensure_ascii=False, default=str))


def configure(level: str) -> None:
    """Give the handlers that are there (Function Compute's own) this format; add one only where there is none."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stdout))
    for handler in root.handlers:
        if not isinstance(handler.formatter, JsonFormatter):
            handler.setFormatter(JsonFormatter())
    log.setLevel(level)
    # Libraries tell what they do below WARNING, with parameters and headers: none of that belongs in a log.
    root.setLevel(logging.WARNING)
    tea = logging.getLogger("alibabacloud-tea")
    tea.setLevel(logging.WARNING)
    tea.handlers.clear()
