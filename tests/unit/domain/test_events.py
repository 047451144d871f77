"""Which functions can handle a message."""

from __future__ import annotations

import pytest

from shared.domain.events import CONSUMERS, ECS, TIMED, accepts_message

STAGES = ("intake", "api", "precheck", "snapshot", "migrate", "watch", "validate", "rollback", "sweep")


@pytest.mark.parametrize("function", STAGES)
def test_each_function_takes_only_what_it_knows(function: str) -> None:
    assert accepts_message(function, "ecs:Instance:StateChange", ECS) is (function == "watch")
    assert accepts_message(function, "timer", "timer") is (function in TIMED)
    assert not accepts_message(function, "replank:Nobody:Knows", "replank")
    for type, stages in CONSUMERS.items():
        assert accepts_message(function, type, "replank") is (function in stages)
