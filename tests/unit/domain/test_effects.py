"""Which effects a step owes, as the migration has begun or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.effects import RestoreProtection, effects_to_restore_protection
from shared.domain.migration import State
from tests.support.ports import migration


@pytest.mark.parametrize(
    ("state", "hop", "attempt", "owed"),
    [
        (State.READY, 0, 1, False),
        (State.PRECHECK_FAILED, 0, 1, False),
        (State.READY, 1, 1, True),
        (State.READY, 0, 2, True),
        (State.SNAPSHOTTING, 0, 1, True),
    ],
)
def test_protection_is_put_back_unless_no_snapshot_can_have_begun(state: State, hop: int, attempt: int, owed: bool) -> None:
    asked = effects_to_restore_protection(replace(migration(), state=state, hop=hop, attempt=attempt))
    assert asked == ((RestoreProtection(),) if owed else ())
