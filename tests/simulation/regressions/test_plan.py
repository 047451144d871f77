"""The plan of a batch through the API: it predicts what will happen, and asking for it changes nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from cli.problem import Problem
from tests.simulation.regressions.test_batch_brake import states
from tests.simulation.regressions.test_limits_at_starts import failing, submitted, world
from tests.support.fleets import instance
from tests.support.world import World


def digest(world: World) -> str:
    """A digest of everything in the account: rows, instances, disks, snapshots, jobs, events."""
    hashed = hashlib.sha256()
    connection = world.cloud.db.sql
    for (name,) in sorted(connection.execute("select name from sqlite_master where type = 'table'").fetchall()):
        if name in COUNTED:
            continue
        hashed.update(name.encode())
        for row in sorted(map(repr, connection.execute(f'select * from "{name}"').fetchall())):
            hashed.update(row.encode())
    return hashed.hexdigest()


COUNTED: frozenset[str] = frozenset()
"""Tables in which the local cloud counts calls."""


def plan(world: World, batch_id: str) -> dict[str, Any]:
    found: dict[str, Any] = world.api.get(f"/batches/{batch_id}/plan")
    return found


def test_a_dry_run_tells_its_plan_and_asking_changes_nothing() -> None:
    with world(*(instance(number) for number in range(1, 5))) as made:
        batch_id = submitted(made, 4, acknowledged=False, policy={"waves": ["1", "x2"], "gate": "approval"}, dryRun=True)
        before = digest(made)
        found = plan(made, batch_id)
        assert digest(made) == before, "asking changes nothing"
        assert (found["instances"], found["unassessed"]) == (4, 0)
        assert list(found["routes"].values()) == [4]
        assert [each["size"] for each in found["waves"]] == [1, 2, 1]
        assert found["waves"][0]["names"] == [min(each["instanceName"] for each in made.migrations())]
        assert found["finish"]["earliest"] < found["finish"]["p10"] <= found["finish"]["p50"] <= found["finish"]["p90"]
        assert found["snapshotGib"] > 0
        assert found["sizesSeen"] == 4
        assert "a person begins each of the 2 further waves" in found["needsAPerson"]
        assert found["planned"] is found["finishedAt"] is None
        assert {each["certainty"] for each in found["assumed"]} == {"documented", "assumed"}
        assert made.events("replank:Migration:SnapshotReady") == []


def test_the_plan_is_shown_beside_what_happened() -> None:
    with world(instance(1), instance(2), guests=failing(2, times=9)) as made:
        batch_id = submitted(made, 2, policy={})
        promised = plan(made, batch_id)["planned"]
        made.run_until(lambda: states(made) == ["failed", "migrated"], minutes=600)
        found = plan(made, batch_id)
        assert found["planned"] == promised
        assert found["outcomes"] == {"failed": 1, "migrated": 1}
        assert promised["earliest"] < found["finishedAt"]
        assert any(each.startswith("1 failed") for each in found["needsAPerson"])
        assert json.dumps(found)


def test_a_submission_is_planned_without_a_batch_that_could_move() -> None:
    with world(*(instance(number) for number in range(1, 4))) as made:
        asked = {"names": ["web-*"], "exclude": {"instanceIds": ["i-test0003"]}, "clientToken": "once", "policy": {"waves": ["1"]}}
        first = made.api.post("/plans", asked)
        assert (first["state"], made.api.post("/plans", asked)["batchId"]) == ("planning", first["batchId"])
        made.run(20)
        found = plan(made, first["batchId"])
        assert (found["state"], found["instances"], found["unassessed"], found["leftOut"]) == ("open", 2, 0, 1)
        assert [each["size"] for each in found["waves"]] == [1, 1]
        assert found["finish"]["p50"]
        assert "somebody submits the batch without the dry run" in found["needsAPerson"]
        acknowledged = {"risksVersion": made.api.get("/risks")["version"]}
        with pytest.raises(Problem, match="dry run never moves"):
            made.api.post(f"/batches/{first['batchId']}/acknowledgement", acknowledged)
        assert made.events("replank:Migration:SnapshotReady") == []


def test_what_the_forecast_does_not_know_is_said() -> None:
    with world(*(instance(number) for number in range(1, 4))) as made:
        first = submitted(made, 2, policy={"maxMoving": 1})
        assert plan(made, first)["notKnown"] == []
        policy = {"group": {"tag": "serves"}, "maxMovingPerRegion": 1, "maxMovingPerWave": 1, "waves": ["1"]}
        second = str(made.api.post("/batches", {"instanceIds": ["i-test0003"], "policy": policy})["batchId"])
        made.api.post("/hold", {"why": "incident"})
        made.run(5)
        said = plan(made, second)["notKnown"]
        assert [each.split(" (")[0] for each in said] == [
            "the hold is set",
            "one other batch may start migrations, and no other holds a slot now: the forecast gives this batch every slot",
            "the forecast does not apply maxMovingPerRegion and maxMovingPerWave",
            "members of its groups",
        ]
