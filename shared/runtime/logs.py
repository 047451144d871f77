"""Writes the log: one JSON line per invocation and one per warning, without secrets."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import Any

from shared.adapters.redact import hide_secrets
from shared.domain.text import escaped_json

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
"""The facts that come first in a log line, in this order. All other facts follow, sorted by name."""
MAX_LINE_BYTES = 30_000
"""Maximum bytes of a log line. Function Compute cuts lines at 32 KB, and a cut line is not valid JSON."""

invocation: ContextVar[dict[str, Any]] = ContextVar("invocation", default={})  # noqa: B039 - replaced, never changed
"""The facts that every log line of the current invocation has, such as the request id."""
log = logging.getLogger("replank")


class JsonFormatter(logging.Formatter):
    """Formats a log record as one line of JSON: time, level, facts about the invocation, facts about the record, and the
    message.
    """

    def format(self, record: logging.LogRecord) -> str:
        own = {key: record.__dict__[key] for key in KEYS if key in record.__dict__}
        facts = {**invocation.get(), **own, **getattr(record, "facts", {})}
        at = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, Any] = {"time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "level": record.levelname}
        line.update({key: facts.pop(key) for key in KEYS if key in facts})
        line.update(sorted(facts.items()))
        line["message"] = record.getMessage()
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        text = _json_line(line)
        while len(text.encode()) > MAX_LINE_BYTES:
            _shorten_longest_value(line)
            text = _json_line(line)
        return text


def _json_line(line: dict[str, Any]) -> str:
    """The log line as JSON text. Control characters, and characters that an output stream cannot encode, are escaped."""
    return escaped_json(hide_secrets(json.dumps(line, ensure_ascii=False, default=str)))


def _shorten_longest_value(line: dict[str, Any]) -> None:
    """Cut the longest value of the line in half. A traceback loses its beginning, and any other value loses its end.

    Secrets are hidden first, because half of a secret would not be recognized.
    """
    texts = {name: value if isinstance(value, str) else json.dumps(value, default=str) for name, value in line.items()}
    name = max(texts, key=lambda each: len(texts[each]))
    text = hide_secrets(texts[name])
    half = len(text) // 2
    line[name] = text[-half:] if name == "trace" else text[:half]


def configure_logging(level: str) -> None:
    """Set the JSON format on Function Compute's log handlers. If there is no handler, add one that writes to stdout."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stdout))
    for handler in root.handlers:
        if not isinstance(handler.formatter, JsonFormatter):
            handler.setFormatter(JsonFormatter())
    log.setLevel(level)
    # Below WARNING, libraries log parameters and headers of their calls. These do not belong in this log.
    root.setLevel(logging.WARNING)
    tea = logging.getLogger("alibabacloud-tea")
    tea.setLevel(logging.WARNING)
    tea.handlers.clear()
