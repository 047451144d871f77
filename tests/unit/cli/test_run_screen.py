"""The screen of a run can show every state of a migration."""

from __future__ import annotations

import pytest

from cli.run.screen import percent_done
from shared.domain.migration import State


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_percentage(state: State) -> None:
    shown = {"state": state.value, "hop": 0, "hops": 1, "progress": 50, "failure": None}
    assert 0 <= percent_done(shown) <= 100
