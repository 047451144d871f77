"""What went wrong, for a person: a code, a sentence, a remedy, and the exit status."""

from __future__ import annotations

NEGATIVE = 1
"""The command worked, the outcome is negative (refused, failed, not reachable)."""
BAD_INPUT = 2
"""What was given cannot be used: an option, a file, a setting."""


class Problem(Exception):
    """Ends a command; printed on stderr as code, sentence and remedy."""

    def __init__(self, code: str, message: str, remedy: str, *, exit_status: int = NEGATIVE, request_id: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.remedy = code, message, remedy
        self.exit_status, self.request_id = exit_status, request_id


def without_effect(option: str, why: str, remedy: str) -> Problem:
    """The same, for an argument that would be ignored as given."""
    return bad_input("Option.NoEffect", f"{option} has no effect {why}.", remedy)


def bad_input(code: str, message: str, remedy: str) -> Problem:
    """The same, for what the user can correct in what was given."""
    return Problem(code, message, remedy, exit_status=BAD_INPUT)
