"""Which functions can handle a message."""

from __future__ import annotations

import pytest

from shared.domain.events import CONSUMERS, ECS, TIMED, is_handled_by

STAGES = ("intake", "api", "precheck", "snapshot", "migrate", "watch", "validate", "rollback", "sweep")


@pytest.mark.parametrize("function", STAGES)
def test_each_function_takes_only_what_it_knows(function: str) -> None:
    assert is_handled_by(function, "ecs:Instance:StateChange", ECS) is (function == "watch")
    assert is_handled_by(function, "timer", "timer") is (function in TIMED)
    assert not is_handled_by(function, "replank:Nobody:Knows", "replank")
    for type, stages in CONSUMERS.items():
        assert is_handled_by(function, type, "replank") is (function in stages)
