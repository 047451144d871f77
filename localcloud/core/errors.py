"""The one exception by which a service refuses a call. Each service writes the exception in its own wire format."""

from __future__ import annotations


class ApiError(Exception):
    """A refusal with the real service's error code.

    ``status`` is the HTTP status. ``details`` is for the service's own use, for example a retry hint.
    """

    def __init__(self, code: str, message: str, status: int = 400, **details: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.details = details


class Dropped(Exception):
    """A fault: the server closes the connection without an answer, before or after the effect, after ``silence_s`` seconds."""

    def __init__(self, kind: str, silence_s: float = 0.0) -> None:
        super().__init__(kind)
        self.silence_s = silence_s
