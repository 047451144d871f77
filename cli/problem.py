"""An error for a person: a code, a sentence, a remedy, and the exit status."""

from __future__ import annotations

NEGATIVE = 1
"""The command worked, but its outcome is negative (refused, failed, not reachable)."""
BAD_INPUT = 2
"""The input cannot be used: an option, a file or a setting."""


class Problem(Exception):
    """Ends a command; printed on stderr as code, sentence and remedy."""

    def __init__(self, code: str, message: str, remedy: str, *, exit_status: int = NEGATIVE, request_id: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.remedy = code, message, remedy
        self.exit_status, self.request_id = exit_status, request_id


def option_without_effect(option: str, why: str, remedy: str) -> Problem:
    """The problem for an option that would have no effect."""
    return bad_input("Option.NoEffect", f"{option} has no effect {why}.", remedy)


def bad_input(code: str, message: str, remedy: str) -> Problem:
    """The problem for input that the user can correct."""
    return Problem(code, message, remedy, exit_status=BAD_INPUT)
