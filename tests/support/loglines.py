"""Log lines as they would be written."""

from __future__ import annotations

import logging

from shared.runtime import logs


class Lines(logging.Handler):
    """Keeps every line until a test takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logs.JsonFormatter())
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        assert "\n" not in text
        text.encode()
        self._lines.append(text)

    def taken(self) -> list[str]:
        """The lines since the last call."""
        found, self._lines = self._lines, []
        return found
