"""A person changes the policy of a running batch, for the version seen. Everybody who approved the old policy must approve
again.
"""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from cli.problem import Problem
from shared.domain import approvals
from tests.simulation.regressions.test_approvals import TRUSTING, approve, told
from tests.simulation.regressions.test_batch_brake import shown, states
from tests.simulation.regressions.test_limits_at_starts import of, submitted, world
from tests.support.fleets import instance
from tests.support.world import World

ASKING: dict[str, Any] = {"approvals": 1, "maxMoving": 1, **TRUSTING}


def set_policy(world: World, batch_id: str, *, seen: int = 0, **policy: Any) -> dict[str, Any]:
    version = seen or shown(world, batch_id)["version"]
    answer: dict[str, Any] = world.api.post(f"/batches/{batch_id}/policy", {"policy": policy, "why": "calmer"}, seen=version)
    return answer


def changed_while_moving(made: World) -> str:
    """A batch of two instances, one at a time. Bob approved it, and its policy changes while the first instance moves.
    Returns the batch's id.
    """
    batch_id = submitted(made, 2, policy=ASKING)
    approve(made, batch_id, "bob")
    made.run_until(lambda: "migrating" in states(made), minutes=120)
    set_policy(made, batch_id, **{**ASKING, "maxMoving": 2})
    made.run_until(lambda: "migrated" in states(made), minutes=600)
    made.run(60)
    return batch_id


def test_an_old_approval_never_counts_for_the_new_policy() -> None:
    with world(instance(1), instance(2)) as made:
        batch_id = changed_while_moving(made)
        assert states(made) == ["migrated", "ready"], "what moves goes on, and nothing new starts"
        waits = next(of(made, number)["waitsFor"] for number in (1, 2) if of(made, number)["state"] == "ready")
        assert "0 of 1 persons approved it; 1 approval for another policy or selection" in waits
        assert len(told(made, "ApprovalNeeded")) == 1, "asked again, once"
        approve(made, batch_id, "bob")
        made.run_until(lambda: states(made) == ["migrated"] * 2, minutes=600)
        (line,) = [each for each in shown(made, batch_id)["journal"] if each["act"] == "set policy"]
        assert (line["before"]["maxMoving"], line["after"]["maxMoving"], line["why"]) == ("1", "2", "calmer")


def test_without_the_digest_the_old_approval_would_count() -> None:
    """The bug that the test above must find: an approval that is not bound to the policy that the person saw."""
    with mock.patch.object(approvals, "policy_digest", return_value="0" * 32), world(instance(1), instance(2)) as made:
        changed_while_moving(made)
        assert states(made) != ["migrated", "ready"]


def test_a_policy_is_set_on_the_version_that_the_person_saw() -> None:
    with world(instance(1), instance(2)) as made:
        batch_id = submitted(made, 2, policy={"maxMoving": 1})
        before = shown(made, batch_id)["version"]
        after = set_policy(made, batch_id, maxMoving=2)
        assert (after["policy"]["maxMoving"], after["version"]) == (2, before + 1)
        assert set_policy(made, batch_id, seen=before, maxMoving=2)["version"] == before + 1, "its answer was lost"
        assert set_policy(made, batch_id, maxMoving=2)["version"] == before + 1, "the same policy changes nothing"
        with pytest.raises(Problem) as refused:
            set_policy(made, batch_id, seen=before, maxMoving=3)
        assert refused.value.code == "Batch.Moved"
        with pytest.raises(Problem) as fixed:
            set_policy(made, batch_id, driver="console")
        assert fixed.value.code == "Policy.Fixed"
        made.run_until(lambda: states(made) == ["migrated"] * 2, minutes=600)


@pytest.mark.parametrize("acknowledged", [False, True])
def test_the_journal_shows_a_change_before_any_other_act(acknowledged: bool) -> None:
    with world(instance(1)) as made:
        batch_id = submitted(made, 1, acknowledged=acknowledged, policy={"maxMoving": 1})
        set_policy(made, batch_id, maxMoving=3)
        (line,) = shown(made, batch_id)["journal"]
        assert (line["before"]["maxMoving"], line["after"]["maxMoving"]) == ("1", "3")


def test_a_permission_that_the_prechecks_have_used_stays() -> None:
    """Its withdrawal was accepted, told in the journal, and held nothing: the second instance moved all the same."""
    accepted = {"Instance.Spot": "a test fleet"}
    spots = [instance(number, SpotStrategy="SpotAsPriceGo") for number in (1, 2)]
    with world(*spots) as made:
        batch_id = submitted(made, 2, policy={"maxMoving": 1, "overrides": accepted})
        made.run_until(lambda: "migrating" in states(made), minutes=120)
        with pytest.raises(Problem) as refused:
            set_policy(made, batch_id, maxMoving=1)
        assert refused.value.code == "Policy.Fixed"
        more = {**accepted, "Guest.GpuDriver": "no job uses it"}
        assert set_policy(made, batch_id, maxMoving=1, overrides=more)["policy"]["overrides"] == more
