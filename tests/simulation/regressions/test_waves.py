"""Waves through the API, the tick and the cloud: one after another, with soak, gate and budget."""

from __future__ import annotations

from typing import Any

import pytest

from cli.problem import Problem
from tests.simulation.regressions.test_batch_brake import asked, shown, states
from tests.simulation.regressions.test_limits_at_starts import act, failing, of, submitted, world
from tests.support.fleets import instance
from tests.support.world import World

MOVING = {"snapshotting", "snapshotted", "migrating", "restarting", "validating"}


def waves(world: World, batch_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shown(world, batch_id)["waves"]
    return found


def test_waves_are_cut_by_name_and_begin_one_after_the_other() -> None:
    with world(*(instance(number) for number in range(1, 7))) as made:
        batch_id = submitted(made, 6, policy={"waves": ["1", "2"], "maxMoving": 6})
        cut = [each["migrationIds"] for each in waves(made, batch_id)]
        names = {each["migrationId"]: each["instanceName"] for each in made.migrations()}
        assert [len(ids) for ids in cut] == [1, 2, 2, 1]
        assert [names[id] for ids in cut for id in ids] == sorted(names.values())
        seen = set()
        for _ in range(900):
            made.run(2)
            by_id = {each["migrationId"]: each["state"] for each in made.migrations()}
            begun = [place for place, ids in enumerate(cut) if any(by_id[id] in MOVING for id in ids)]
            seen |= set(begun)
            assert len(begun) <= 1, by_id
            for place in begun:
                assert all(by_id[id] == "migrated" for ids in cut[:place] for id in ids)
            if set(by_id.values()) == {"migrated"}:
                break
        assert states(made) == ["migrated"] * 6
        assert seen == {0, 1, 2, 3}
        told = [each["data"] for each in made.events("replank:Batch:WaveFinished")]
        assert [(each["wave"], each["size"], each["asksPerson"]) for each in told] == [(1, 1, False), (2, 2, False), (3, 2, False)]


def test_the_next_wave_waits_for_its_soak_and_for_a_person() -> None:
    with world(instance(1), instance(2)) as made:
        batch_id = submitted(made, 2, policy={"waves": ["1"], "soakMin": 120, "gate": "approval"})
        made.run_until(lambda: "migrated" in states(made), minutes=600)
        made.run(5)
        with pytest.raises(Problem) as refused:
            asked(made, batch_id, "waves/next", who="eve")
        assert refused.value.code == "Wave.NotEnded"
        made.run(180)
        assert states(made) == ["migrated", "ready"]
        waiting = next(number for number in (1, 2) if of(made, number)["state"] == "ready")
        assert "replank next-wave" in of(made, waiting)["waitsFor"]
        version = shown(made, batch_id)["version"]
        asked(made, batch_id, "waves/next", who="eve", seen=version)
        asked(made, batch_id, "waves/next", who="eve", seen=version)
        assert [(each["act"], each["by"]) for each in shown(made, batch_id)["journal"]] == [("next wave", "eve")]
        made.run_until(lambda: states(made) == ["migrated"] * 2, minutes=600)


def test_a_retry_brings_an_ended_wave_under_way_again() -> None:
    with world(*(instance(number) for number in range(1, 4)), guests=failing(1, 2, times=1)) as made:
        batch_id = submitted(made, 3, policy={"waves": ["2"], "gate": "approval", "maxMoving": 1, "failureBudget": 9})
        made.run_until(lambda: states(made).count("failed") == 2, minutes=600)
        made.run(5)
        for number in (1, 2):
            act(made, number, "retry")
        with pytest.raises(Problem) as refused:
            asked(made, batch_id, "waves/next", who="eve")
        assert refused.value.code == "Wave.NotEnded"
        assert "was retried" in str(refused.value)
        made.run_until(lambda: states(made).count("migrated") == 2, minutes=600)
        made.run(1)
        asked(made, batch_id, "waves/next", who="eve")
        made.run_until(lambda: states(made) == ["migrated"] * 3, minutes=600)


def test_no_wave_begins_once_the_budget_is_spent() -> None:
    with world(*(instance(number) for number in range(1, 4)), guests=failing(1, 2, 3)) as made:
        batch_id = submitted(made, 3, policy={"waves": ["1"], "failureBudget": 0})
        made.run_until(lambda: "failed" in states(made), minutes=600)
        made.run(60)
        assert states(made) == ["failed", "ready", "ready"]
        assert shown(made, batch_id)["brake"]["state"] == "paused at budget"
        asked(made, batch_id, "resume", why="known")
        made.run_until(lambda: states(made).count("failed") == 2, minutes=600)


def test_a_batch_with_an_order_begins_and_is_planned_in_it() -> None:
    """The last instance comes first by its tag, and the instance without the tag comes last. Only the tick starts them."""
    tags = [{"Tag": [{"TagKey": "turn", "TagValue": str(11 - number)}]} for number in range(1, 4)]
    with world(*(instance(number, Tags=tags[number - 1]) for number in range(1, 4)), instance(4)) as made:
        batch_id = submitted(made, 4, acknowledged=False, policy={"order": "tag:turn", "waves": ["3"], "maxMoving": 1})
        names = ["web-3", "web-2", "web-1", "web-4"]
        plan = made.api.get(f"/batches/{batch_id}/plan")
        by_id = {each["instanceId"]: each["instanceName"] for each in made.migrations()}
        expected = [by_id[f"i-test{int(name[4:]):04d}"] for name in names]
        assert [name for wave in plan["waves"] for name in wave["names"]] == expected
        made.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": made.api.get("/risks")["version"]})
        begun: list[str] = []
        for _ in range(900):
            made.run(2)
            begun += [each["instanceName"] for each in made.migrations() if each["state"] in MOVING]
            begun = list(dict.fromkeys(begun))
            if states(made) == ["migrated"] * 4:
                break
        assert begun == expected
        plan = made.api.get(f"/batches/{batch_id}/plan")
        assert [name for wave in plan["waves"] for name in wave["names"]] == expected


def test_a_batch_pauses_at_the_budget_of_one_wave() -> None:
    """Failures of two waves together do not count against the budget of each wave."""
    with world(*(instance(number) for number in range(1, 7)), guests=failing(1, 3, 4, times=9)) as made:
        policy = {"waves": ["2"], "order": "name", "failureBudget": 5, "waveFailureBudget": 1, "maxMoving": 1}
        batch_id = submitted(made, 6, policy=policy)
        made.run_until(lambda: states(made).count("failed") == 3, minutes=1200)
        made.run(5)
        assert [of(made, number)["state"] for number in range(1, 7)] == ["failed", "migrated", "failed", "failed", "ready", "ready"]
        found = shown(made, batch_id)
        assert found["brake"]["state"] == "paused at budget"
        assert found["brake"]["why"] == "2 migrations of wave 2 failed, the budget of each wave is 1"
        made.run(120)
        assert states(made).count("ready") == 2, "nothing starts before a person resumes the batch"
        asked(made, batch_id, "resume", why="seen")
        made.run_until(lambda: states(made).count("migrated") == 3, minutes=1200)
