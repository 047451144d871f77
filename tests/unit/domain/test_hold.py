"""How the row of the hold is read: an unreadable row holds everything."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.hold import HELD, NOTHING_HELD, RELEASED, STATE, UNREADABLE, VERSION, hold_from_row


def test_no_row_holds_nothing() -> None:
    assert hold_from_row(None) == NOTHING_HELD
    assert not NOTHING_HELD.is_held


@pytest.mark.parametrize(
    ("row", "held", "version"),
    [
        ({STATE: RELEASED, VERSION: 3}, False, 3),
        ({STATE: HELD, VERSION: 2}, True, 2),
        ({VERSION: 2}, True, 2),
        ({}, True, 0),
        ({STATE: "paused", VERSION: 2}, True, 2),
        ({STATE: RELEASED, VERSION: "3"}, True, UNREADABLE),
        ({STATE: RELEASED, VERSION: True}, True, UNREADABLE),
    ],
)
def test_only_a_row_that_says_so_releases(row: dict[str, Any], held: bool, version: int) -> None:
    found = hold_from_row(row)
    assert (found.is_held, found.version) == (held, version)
