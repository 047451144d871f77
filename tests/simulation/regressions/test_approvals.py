"""Approvals through the API, the tick and the cloud: nothing starts without approvals, and their expiry is announced."""

from __future__ import annotations

from typing import Any

import pytest

from cli.problem import Problem
from tests.simulation.regressions.test_batch_brake import shown, states
from tests.simulation.regressions.test_limits_at_starts import act, of, submitted, world
from tests.support.fleets import instance
from tests.support.world import World

TRUSTING: dict[str, Any] = {"approverTrust": "claimed"}


def approve(world: World, batch_id: str, who: str, **more: Any) -> dict[str, Any]:
    """A person approves the current version of the batch."""
    wanted = f"wave {more['wave']}" if "wave" in more else "batch"
    (asked,) = [each for each in shown(world, batch_id)["approvals"] if each["about"] == wanted]
    former, world.operator = world.operator, who
    try:
        answer: dict[str, Any] = world.api.post(f"/batches/{batch_id}/approvals", {"seen": asked["seen"], **more})
    finally:
        world.operator = former
    return answer


def told(world: World, name: str) -> list[dict[str, Any]]:
    return [each["data"] for each in world.events(f"replank:Batch:{name}")]


def test_a_batch_waits_for_two_persons_and_says_so_once() -> None:
    with world(instance(1)) as made:
        batch_id = submitted(made, 1, policy={"approvals": 2, **TRUSTING})
        made.run(30)
        assert states(made) == ["ready"]
        assert "0 of 2 persons approved it" in of(made)["waitsFor"]
        assert "replank approve" in shown(made, batch_id)["heldBack"]
        (asked,) = told(made, "ApprovalNeeded")
        assert (asked["about"], asked["needed"], asked["missing"], asked["role"]) == ("batch", 2, 2, "approver")
        with pytest.raises(Problem) as refused:
            approve(made, batch_id, "ann")
        assert refused.value.code == "Approval.Submitter"
        approve(made, batch_id, "bob")
        approve(made, batch_id, "bob")
        made.run(10)
        assert states(made) == ["ready"]
        (found,) = approve(made, batch_id, "eve")["approvals"]
        assert ([each["by"] for each in found["given"]], found["missing"]) == (["bob", "eve"], 0)
        made.run_until(lambda: states(made) == ["migrated"], minutes=600)
        made.run(70)
        assert [(each["act"], each["by"]) for each in shown(made, batch_id)["journal"]] == [("approve", "bob"), ("approve", "eve")]
        (done,) = told(made, "BatchDone")
        assert (done["size"], done["counts"]) == (1, {"migrated": 1})
        assert shown(made, batch_id)["state"] == "closed"


def test_claimed_names_do_not_count_unless_the_policy_says_so() -> None:
    with world(instance(1)) as made:
        batch_id = submitted(made, 1, policy={"approvals": 1})
        with pytest.raises(Problem) as refused:
            approve(made, batch_id, "bob")
        assert refused.value.code == "Approval.NotVerified"


@pytest.mark.parametrize(("follows", "ends"), [("hold", ["migrated", "ready"]), ("cancel", ["cancelled", "migrated"])])
def test_an_expired_approval_holds_or_cancels_what_has_not_begun(follows: str, ends: list[str]) -> None:
    with world(instance(1), instance(2)) as made:
        policy = {"approvals": 1, "approvalMin": 30, "approvalExpiry": follows, "maxMoving": 1, **TRUSTING}
        batch_id = submitted(made, 2, policy=policy)
        approve(made, batch_id, "bob")
        made.run_until(lambda: states(made) == ends, minutes=600)
        made.run(30)
        assert states(made) == ends
        assert len(told(made, "ApprovalExpiring")) == 1
        if follows == "hold":
            assert len(told(made, "ApprovalNeeded")) <= 2
            approve(made, batch_id, "eve")
            made.run_until(lambda: states(made) == ["migrated"] * 2, minutes=600)
        else:
            assert shown(made, batch_id)["brake"]["why"].startswith("the approval of the batch expired")


def test_each_wave_is_approved_once_the_one_before_has_ended() -> None:
    with world(instance(1), instance(2)) as made:
        batch_id = submitted(made, 2, policy={"waves": ["1"], "waveApprovals": 1, **TRUSTING})
        with pytest.raises(Problem) as refused:
            made.api.post(f"/batches/{batch_id}/approvals", {"seen": "0" * 32, "wave": 2})
        assert refused.value.code == "Wave.NotEnded"
        made.run_until(lambda: "migrated" in states(made), minutes=600)
        made.run(20)
        assert states(made) == ["migrated", "ready"]
        assert [each["about"] for each in told(made, "ApprovalNeeded")] == ["wave 2"]
        approve(made, batch_id, "bob", wave=2)
        made.run_until(lambda: states(made) == ["migrated"] * 2, minutes=600)


def test_a_rollback_waits_for_its_approval() -> None:
    with world(instance(1)) as made:
        batch_id = submitted(made, 1, policy={"rollbackApprovals": 1, **TRUSTING})
        assert of(made)["rollbackApprovals"] is None
        made.run_until(lambda: states(made) == ["migrated"], minutes=600)
        with pytest.raises(Problem) as refused:
            act(made, 1, "rollback")
        assert refused.value.code == "Approval.Missing"
        assert f"replank approve {batch_id} --rollback" in refused.value.remedy
        found = of(made)
        path = f"/migrations/{found['migrationId']}/approvals"
        with pytest.raises(Problem) as overtaken:
            made.api.post(path, {"seen": "0" * 32}, seen=found["version"])
        assert overtaken.value.code == "Approval.Overtaken"
        after = made.api.post(path, {"seen": found["rollbackApprovals"]["seen"]}, seen=found["version"])
        assert after["rollbackApprovals"]["missing"] == 0
        act(made, 1, "rollback")
        made.run_until(lambda: states(made) == ["rolled_back"], minutes=600)
