"""A failed validation leads to an automatic rollback only if a person has acknowledged that, and no hold forbids it."""

from __future__ import annotations

from typing import Any

import pytest

from cli.problem import Problem
from tests.simulation.choices import OLD_ONLY
from tests.simulation.regressions.test_batch_brake import shown, states
from tests.simulation.regressions.test_limits_at_starts import lines, of, world
from tests.support.fleets import instance
from tests.support.world import World

FAILS: dict[str, Any] = {"check": OLD_ONLY, "failureBudget": 9}


def submitted(made: World, **policy: Any) -> str:
    request = {"instanceIds": ["i-test0001"], "policy": {**FAILS, **policy}}
    batch_id = str(made.api.post("/batches", request)["batchId"])
    made.run_until(lambda: states(made) == ["ready"], minutes=60)
    return batch_id


def acknowledge(made: World, batch_id: str, version: str) -> None:
    made.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": version}, seen=shown(made, batch_id)["version"])


def test_without_the_policy_a_failed_validation_waits_for_a_person() -> None:
    with world(instance(1)) as made:
        batch_id = submitted(made)
        acknowledge(made, batch_id, shown(made, batch_id)["risks"]["version"])
        made.run_until(lambda: states(made) == ["failed"], minutes=900)
        made.run(120)
        assert states(made) == ["failed"]


def test_what_a_person_acknowledged_is_rolled_back_in_that_persons_name() -> None:
    with world(instance(1)) as made:
        batch_id = submitted(made, automaticRollback=True)
        risks = shown(made, batch_id)["risks"]
        assert any("without asking" in sentence for sentence in risks["text"])
        with pytest.raises(Problem) as refused:
            acknowledge(made, batch_id, made.api.get("/risks")["version"])
        assert refused.value.code == "Acknowledgement.OtherText"
        acknowledge(made, batch_id, risks["version"])
        made.run_until(lambda: states(made) == ["rolled_back"], minutes=900)
        (begun,) = [line for line in lines(made) if line["to"] == "rolling_back" and line["from"] == "failed"]
        assert begun["by"] == made.operator
        assert begun["reason"].startswith(f"rollback requested by the policy that {made.operator} acknowledged at ")
        assert risks["version"] in begun["reason"]


def test_the_hold_and_missing_approvals_hold_it_visibly() -> None:
    with world(instance(1)) as made:
        batch_id = submitted(made, automaticRollback=True, rollbackApprovals=1, approverTrust="claimed")
        acknowledge(made, batch_id, shown(made, batch_id)["risks"]["version"])
        made.run_until(lambda: states(made) == ["validating"], minutes=900)
        made.api.post("/hold", {"why": "the pager"})
        made.run_until(lambda: states(made) == ["failed"], minutes=120)
        made.run(60)
        assert of(made)["waitsFor"].startswith("its rollback, held: everything is held by ")
        made.api.post("/hold/release", {"why": "over", "version": made.api.get("/hold")["version"]})
        made.run(60)
        found = of(made)
        assert (found["state"], "0 of 1 persons approved it" in found["waitsFor"]) == ("failed", True)
        asked = {"seen": found["rollbackApprovals"]["seen"]}
        made.api.post(f"/migrations/{found['migrationId']}/approvals", asked, seen=found["version"])
        made.run_until(lambda: states(made) == ["rolled_back"], minutes=300)


def test_a_person_who_decides_first_has_decided() -> None:
    with world(instance(1)) as made:
        batch_id = submitted(made, automaticRollback=True, rollbackApprovals=1, approverTrust="claimed")
        acknowledge(made, batch_id, shown(made, batch_id)["risks"]["version"])
        made.run_until(lambda: states(made) == ["failed"], minutes=900)
        found = of(made)
        made.api.post(f"/migrations/{found['migrationId']}/confirmation", seen=found["version"])
        made.run(120)
        assert states(made) == ["confirmed"]
        assert of(made)["waitsFor"] == "the retention of its snapshots to pass, and the sweep"
