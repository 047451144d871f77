"""Groups of migration states that the command line needs. The groups are derived from the domain's state machine."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.migration import ACTIVE, ADMITTED, BEFORE_A_START, TERMINAL, WAITING_FOR_A_PERSON, State


def state_names(states: Iterable[State]) -> tuple[str, ...]:
    """The names of the states in the API, in the order of the state machine."""
    chosen = frozenset(states)
    return tuple(state.value for state in State if state in chosen)


ALL = state_names(State)
ENDED = state_names(TERMINAL)
RESTING = state_names(frozenset(State) - ACTIVE)
"""States in which the pipeline does nothing more to the instance. A sweep may still delete the instance's snapshots."""
SETTLED = state_names((frozenset(State) - ACTIVE) | WAITING_FOR_A_PERSON)
"""States in which the migration has ended, or waits for a person."""
DONE = state_names((frozenset(State) - ACTIVE) | {State.MIGRATED})
"""States in which the work on the instance is done, whatever the outcome."""
NOT_CHECKED = state_names(BEFORE_A_START - ADMITTED)
"""States before the end of the precheck."""
NOT_AS_WANTED = state_names({State.FAILED, State.PRECHECK_FAILED})
"""The states ``precheck_failed`` and ``failed``. `replank watch` exits with status 1 if a migration has one of these states."""
NOT_BEGUN = state_names(BEFORE_A_START)
"""States in which the migration waits for its start. A stop of the batch cancels the migrations in these states."""
PASSED = state_names({State.READY, State.CANCELLED})
"""States of a migration that passed its precheck. A dry run that passes its precheck ends as cancelled."""
TAKEN_BACK = state_names({State.ROLLED_BACK, State.CANCELLED})
"""States of migrations that ended without the new release. Confirming a migration in these states only releases its snapshots."""
STOPPED = state_names({State.FAILED, State.ROLLING_BACK})
"""States in which the work on a hop stopped before the hop was complete."""


def states_beginning_with(incomplete: str) -> list[str]:
    """The names of the states that begin with ``incomplete``, for completion in a shell."""
    return [state for state in ALL if state.startswith(incomplete)]


def in_order(chosen: Iterable[str]) -> tuple[str, ...]:
    """The chosen names of states, each once, in the order of the state machine."""
    named = frozenset(chosen)
    return tuple(state for state in ALL if state in named)
