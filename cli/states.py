"""The states of a migration as the command line groups them, all made from the state machine of the domain."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.migration import ACTIVE, ADMITTED, BEFORE_A_START, TERMINAL, WAITING_FOR_A_PERSON, State


def names(states: Iterable[State]) -> tuple[str, ...]:
    """As the API writes them, in the order of the state machine."""
    chosen = frozenset(states)
    return tuple(state.value for state in State if state in chosen)


ALL = names(State)
ENDED = names(TERMINAL)
RESTING = names(frozenset(State) - ACTIVE)
"""Nothing more happens to the instance; of a confirmed migration the snapshots are still swept."""
SETTLED = names((frozenset(State) - ACTIVE) | WAITING_FOR_A_PERSON)
"""At rest, or waiting for a person."""
DONE = names((frozenset(State) - ACTIVE) | {State.MIGRATED})
"""The work on the instance is done, whatever came of it."""
NOT_CHECKED = names(BEFORE_A_START - ADMITTED)
"""The precheck has not ended."""
NOT_AS_WANTED = names({State.FAILED, State.PRECHECK_FAILED})
"""Refused or failed: the exit status says so."""
PASSED = names({State.READY, State.CANCELLED})
"""After the precheck: a dry run that passes ends by itself, as cancelled."""
TAKEN_BACK = names({State.ROLLED_BACK, State.CANCELLED})
"""Ended without the new system; a confirmation still releases the snapshots."""
STOPPED = names({State.FAILED, State.ROLLING_BACK})
"""The work stopped within a hop."""


def beginning_with(incomplete: str) -> list[str]:
    """What a shell offers to complete."""
    return [state for state in ALL if state.startswith(incomplete)]
