"""The state machine in docs/architecture.md, from the table that the code uses."""

from __future__ import annotations

from shared.domain.migration import MOVING, TERMINAL, TRANSITIONS, WAITING_FOR_A_PERSON, State
from tools.pages.common import codes, table


def render() -> str:
    """The table of states."""
    return table(("state", "may lead to", "what it is"), ((f"`{state.value}`", _next(state), _nature(state)) for state in State))


def _next(state: State) -> str:
    return codes(after.value for after in State if after in TRANSITIONS[state])


def _nature(state: State) -> str:
    words = [
        word
        for word, states in (("an end", TERMINAL), ("waits for a person", WAITING_FOR_A_PERSON), ("holds a slot", MOVING))
        if state in states
    ]
    return ", ".join(words) or "-"
