"""The error that ends a command: a code, a message, a remedy, and the exit status."""

from __future__ import annotations

NEGATIVE = 1
"""The exit status of a command that worked, but had a negative outcome: refused, failed or not reachable."""
BAD_INPUT = 2
"""The exit status if an option, a file or a setting is wrong."""


class Problem(Exception):
    """An error that ends the command. The problem's code, message and remedy are printed on stderr."""

    def __init__(self, code: str, message: str, remedy: str, *, exit_status: int = NEGATIVE, request_id: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.remedy = code, message, remedy
        self.exit_status, self.request_id = exit_status, request_id


def option_without_effect_problem(option: str, why: str, remedy: str) -> Problem:
    """The Problem for an option that would have no effect."""
    return bad_input_problem("Option.NoEffect", f"{option} has no effect {why}.", remedy)


def bad_input_problem(code: str, message: str, remedy: str) -> Problem:
    """The Problem for input that the user can correct."""
    return Problem(code, message, remedy, exit_status=BAD_INPUT)
