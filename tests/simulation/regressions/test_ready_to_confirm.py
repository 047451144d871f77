"""A finished batch without further errors is shown as ready to confirm, and a person is reminded once. The product never
confirms by itself.
"""

from __future__ import annotations

from typing import Any

from tests.simulation.regressions.test_approvals import told
from tests.simulation.regressions.test_batch_brake import shown, states
from tests.simulation.regressions.test_limits_at_starts import act, submitted, world
from tests.support.fleets import instance
from tests.support.world import World

DAY_MIN = 24 * 60


def ready(world: World) -> list[str]:
    found: list[dict[str, Any]] = list(world.api.all_items("/batches", "batches", readyToConfirm="true"))
    return [each["batchId"] for each in found]


def moved(made: World, count: int, **policy: Any) -> str:
    batch_id = submitted(made, count, policy=policy)
    made.run_until(lambda: states(made) == ["migrated"] * count, minutes=600)
    made.run(60)  # the batch is closed at the full hour
    assert shown(made, batch_id)["state"] == "closed"
    return batch_id


def test_a_batch_is_ready_after_its_days_and_a_person_is_reminded_once() -> None:
    with world(instance(1), instance(2)) as made:
        batch_id = moved(made, 2, confirmAfterDays=1)
        assert (ready(made), told(made, "ReadyToConfirm")) == ([], [])
        assert shown(made, batch_id)["readyToConfirmAt"] is not None
        made.run_sparsely(DAY_MIN + 60)
        assert ready(made) == [batch_id]
        made.run_sparsely(DAY_MIN)
        (found,) = told(made, "ReadyToConfirm")
        assert (found["batchId"], found["migrated"], found["days"]) == (batch_id, 2, 1)
        assert states(made) == ["migrated", "migrated"], "a reminder decides nothing"


def test_what_a_person_has_decided_is_ready_no_more() -> None:
    with world(instance(1)) as made:
        batch_id = moved(made, 1, confirmAfterDays=0)
        made.run(60)
        assert ready(made) == [batch_id]
        act(made, 1, "confirmation")
        made.run(120)
        assert ready(made) == []
        assert shown(made, batch_id)["readyToConfirmAt"] is None
        assert len(told(made, "ReadyToConfirm")) == 1
