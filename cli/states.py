"""The states of a migration as the command line groups them, all made from the state machine of the domain."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.migration import ACTIVE, ADMITTED, BEFORE_A_START, TERMINAL, WAITING_FOR_A_PERSON, State


def state_names(states: Iterable[State]) -> tuple[str, ...]:
    """The states as the API writes them, in the order of the state machine."""
    chosen = frozenset(states)
    return tuple(state.value for state in State if state in chosen)


ALL = state_names(State)
ENDED = state_names(TERMINAL)
RESTING = state_names(frozenset(State) - ACTIVE)
"""States after which nothing happens to the instance; a confirmed migration's snapshots are still swept."""
SETTLED = state_names((frozenset(State) - ACTIVE) | WAITING_FOR_A_PERSON)
"""States at rest, or waiting for a person."""
DONE = state_names((frozenset(State) - ACTIVE) | {State.MIGRATED})
"""States in which the work on the instance is done, whatever the outcome."""
NOT_CHECKED = state_names(BEFORE_A_START - ADMITTED)
"""States before the end of the precheck."""
NOT_AS_WANTED = state_names({State.FAILED, State.PRECHECK_FAILED})
"""Refused or failed states, which set the exit status."""
PASSED = state_names({State.READY, State.CANCELLED})
"""States after the precheck; a dry run that passes ends by itself, as cancelled."""
TAKEN_BACK = state_names({State.ROLLED_BACK, State.CANCELLED})
"""States that end without the new system; a confirmation still releases the snapshots."""
STOPPED = state_names({State.FAILED, State.ROLLING_BACK})
"""States in which the work stopped within a hop."""


def states_beginning_with(incomplete: str) -> list[str]:
    """The states that a shell offers for completion."""
    return [state for state in ALL if state.startswith(incomplete)]
