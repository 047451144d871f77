"""How long an answer of the guest driver's tool may be reused."""

from __future__ import annotations

from shared.adapters.drivers.in_guest import MAX_AGE_WHILE_RUNNING
from shared.domain.timing import LONGEST_BACK_OFF


def test_an_answer_is_read_by_the_next_attempt_after_the_longest_pause() -> None:
    """Otherwise each attempt would ask again, and an instance whose agent was silent for an hour would stay locked for ever."""
    assert MAX_AGE_WHILE_RUNNING > LONGEST_BACK_OFF
