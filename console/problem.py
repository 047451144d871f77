"""What a person is told if something cannot be done: a stable code, a sentence and a remedy."""

from __future__ import annotations


class Problem(Exception):
    """Shown as a page. ``status`` is that of the answer; ``request_id`` finds the line in the API's log."""

    def __init__(self, code: str, message: str, remedy: str, *, status: int = 400, request_id: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.remedy = code, message, remedy
        self.status, self.request_id = status, request_id
