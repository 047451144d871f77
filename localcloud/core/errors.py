"""The one exception by which a service refuses a call; each service writes it in its own wire form."""

from __future__ import annotations


class ApiError(Exception):
    """A refusal with the real service's code.

    ``status`` is the HTTP status; ``details`` is free for the service (for example a retry hint).
    """

    def __init__(self, code: str, message: str, status: int = 400, **details: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.details = details


class Dropped(Exception):
    """A fault: the connection is closed without an answer (before or after the effect), after ``silence_s`` seconds."""

    def __init__(self, kind: str, silence_s: float = 0.0) -> None:
        super().__init__(kind)
        self.silence_s = silence_s
