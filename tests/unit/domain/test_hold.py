"""The row of the hold as it is read: what nobody understands holds everything."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.hold import HELD, NOTHING_HELD, RELEASED, STATE, UNREADABLE, VERSION, hold_of


def test_no_row_holds_nothing() -> None:
    assert hold_of(None) == NOTHING_HELD
    assert not NOTHING_HELD.held


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
    found = hold_of(row)
    assert (found.held, found.version) == (held, version)
