"""The limits at every start, through the whole product. In the past, these migrations hung for ever or started too soon."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.runtime.composition import function_credentials, make_ports
from tests.support.fleets import WINDOWS_2008, fleet, instance
from tests.support.ports import CloudClock, settings
from tests.support.world import World

TWO_HOPS: dict[str, Any] = {"destinations": {"i-test0001": "windows-2019-datacenter"}}


CLOSED = "the maintenance window is closed; the next start is possible"
BEFORE_IT_OPENS = datetime(2026, 11, 24, 7, 30, tzinfo=timezone.utc)
"""Half an hour before the second day's window of the tests that name it."""


@contextmanager
def world(*instances: dict[str, Any], guests: dict[str, Any] | None = None, account_limit: int = 20) -> Iterator[World]:
    with World(env={"REPLANK_MAX_MOVING": str(account_limit)}).connected() as made:
        made.load_fleet(fleet(*instances, guests=guests))
        yield made


def submitted(world: World, count: int, *, first: int = 1, acknowledged: bool = True, policy: dict[str, Any], **more: Any) -> str:
    ids = [f"i-test{number:04d}" for number in range(first, first + count)]
    body = {"instanceIds": ids, "policy": {"retentionDays": 1, **policy}, **more}
    batch_id = str(world.api.post("/batches", body)["batchId"])
    world.run(15)
    if acknowledged:
        world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})
    return batch_id


def of(world: World, number: int = 1) -> dict[str, Any]:
    """The migration of an instance, in detail."""
    (found,) = world.migrations(instanceId=f"i-test{number:04d}")
    detail: dict[str, Any] = world.api.get(f"/migrations/{found['migrationId']}")
    return detail


def act(world: World, number: int, name: str) -> dict[str, Any]:
    found = of(world, number)
    answer: dict[str, Any] = world.api.post(f"/migrations/{found['migrationId']}/{name}", seen=found["version"])
    return answer


def lines(world: World, number: int = 1) -> list[dict[str, Any]]:
    """The journal's lines."""
    found: list[dict[str, Any]] = world.api.get(f"/migrations/{of(world, number)['migrationId']}/journal")["lines"]
    return found


def window(world: World, opened_min_ago: int, open_min: int) -> dict[str, Any]:
    """A window that opened ``opened_min`` minutes ago and allows starts for ``open_min`` minutes."""
    opened = datetime.fromisoformat(world.now) - timedelta(minutes=opened_min_ago)
    return {"start": f"{opened:%H:%M}", "end": f"{opened + timedelta(minutes=open_min):%H:%M}", "cutoffMin": 0}


def failing(*numbers: int, times: int = 9) -> dict[str, Any]:
    return {f"i-test{number:04d}": {"smc": {"fail_attempts": times, "cause": "x"}} for number in numbers}


def held(world: World) -> dict[str, str]:
    """The migrations that hold a slot."""
    return make_ports(
        "api", settings(), function_credentials(os.environ, None), CloudClock(world)
    ).admission.repair_counts_and_list_slot_holders()


def test_a_route_once_begun_goes_on_though_the_budget_is_spent() -> None:
    """The instance stayed in Windows Server 2012 R2 and held its slot for ever, because two other migrations had failed
    meanwhile.
    """
    with world(instance(1, WINDOWS_2008), instance(2), instance(3), guests=failing(2, 3)) as made:
        submitted(made, 3, policy={"failureBudget": 0, "maxMoving": 3}, **TWO_HOPS)
        made.run_until(lambda: list(made.states().values()).count("failed") == 2, minutes=600)
        made.run_until(lambda: of(made)["state"] == "migrated", minutes=600)
        assert of(made)["hop"] == 1


@pytest.mark.parametrize("fails_first", [False, pytest.param(True, marks=pytest.mark.long)])
def test_no_job_starts_outside_of_the_window_and_snapshots_do_not_outlive_it(fails_first: bool) -> None:
    """A retry of a failed snapshot started its job hours after the window, and a first attempt started the next window with
    old snapshots.
    """
    with world(instance(1)) as made:
        chosen = window(made, 0, 60)
        submitted(made, 1, policy={"window": chosen}, acknowledged=False)
        slow = {"service": "ecs", "operation": "snapshot_finish", "kind": "stick", "times": 1, "delay_ms": 4 * 3600 * 1000}
        fault = {"service": "ecs", "operation": "CreateSnapshot", "kind": "error", "code": "QuotaExceed.Snapshot", "status": 400}
        made.cloud.faults.set([{**fault, "times": 1}] if fails_first else [slow])
        batch_id = of(made)["batchId"]
        made.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": made.api.get("/risks")["version"]})
        if fails_first:
            made.run_until(lambda: of(made)["state"] == "failed", minutes=30)
            made.cloud.faults.set([slow])
            act(made, 1, "retry")
        made.run_until(lambda: of(made)["state"] == "snapshotting", minutes=30)
        made.run(6 * 60)
        found = of(made)
        assert found["state"] == "ready"
        assert found["waitsFor"].startswith(CLOSED)
        before = found["snapshotsMade"]
        opens = datetime.fromisoformat(made.now).replace(hour=int(chosen["start"][:2]), minute=int(chosen["start"][3:]))
        opens += timedelta(days=1) if opens < datetime.fromisoformat(made.now) else timedelta()
        made.skip_to(opens - timedelta(minutes=30))
        made.run_until(lambda: of(made)["state"] == "migrating", minutes=90)
        begun = [line for line in lines(made) if line["to"] == "migrating"]
        assert len(begun) == 1
        assert opens <= datetime.fromisoformat(begun[0]["at"].replace("Z", "+00:00")) < opens + timedelta(minutes=60)
        assert of(made)["snapshotsMade"] > before, "it begins with new snapshots"


def test_a_next_hop_waits_for_its_window_without_a_slot_and_is_then_the_first() -> None:
    """A second batch waits for the same window and for the account's only slot. It starts later."""
    with world(instance(1, WINDOWS_2008), instance(2), account_limit=1) as made:
        night = {"window": window(made, 0, 30)}
        submitted(made, 1, policy=night, **TWO_HOPS)
        made.run_until(lambda: of(made)["hop"] == 1 and of(made)["state"] == "ready", minutes=6 * 60, every=5)
        submitted(made, 1, first=2, policy=night)
        made.run(20)
        assert [of(made, number)["waitsFor"] for number in (1, 2)] == [f"{CLOSED} 2026-11-24 08:00 UTC"] * 2
        assert held(made) == {}
        made.skip_to(BEFORE_IT_OPENS)
        made.run_until(lambda: of(made)["state"] == "migrating", minutes=60)
        assert of(made, 2)["state"] == "ready"


def test_a_canary_that_was_rolled_back_holds_the_others() -> None:
    """The migration still counted as moved and not as failed. So the others continued with a budget of 0."""
    with world(*(instance(number) for number in range(1, 5))) as made:
        submitted(made, 4, policy={"canary": 1, "maxMoving": 1, "failureBudget": 0})
        made.run_until(lambda: "migrated" in made.states().values(), minutes=900)
        (first,) = [each for each in made.migrations() if each["state"] == "migrated"]
        act(made, int(first["instanceId"][-4:]), "rollback")
        made.run_until(lambda: "rolled_back" in made.states().values(), minutes=600)
        made.run(60)
        assert sorted(made.states().values()) == ["ready", "ready", "ready", "rolled_back"]
        batch = made.api.get(f"/batches/{first['batchId']}")
        assert f"1 migration failed ({first['migrationId']}), the budget is 0" in batch["heldBack"]


def test_another_takes_the_place_of_a_canary_that_was_rolled_back() -> None:
    with world(*(instance(number) for number in range(1, 5))) as made:
        submitted(made, 4, policy={"canary": 1, "maxMoving": 3, "failureBudget": 1})
        made.run_until(lambda: "migrated" in made.states().values(), minutes=900)
        (first,) = [each for each in made.migrations() if each["state"] == "migrated"]
        act(made, int(first["instanceId"][-4:]), "rollback")
        moving = {"snapshotting", "snapshotted", "migrating", "restarting", "validating"}
        for _ in range(240):
            made.run(1)
            states = list(made.states().values())
            if "migrated" in states:
                break
            assert sum(state in moving for state in states) <= 1, states
        assert "migrated" in made.states().values()


def test_two_that_failed_can_both_be_tried_again_though_the_budget_is_0() -> None:
    """A migration's own failure no longer counts once its retry is accepted. The retry names what still holds it."""
    with world(instance(1), instance(2), guests=failing(1, 2, times=1)) as made:
        submitted(made, 2, policy={"failureBudget": 0, "maxMoving": 2})
        made.run_until(lambda: set(made.states().values()) == {"failed"}, minutes=300)
        other = of(made, 2)["migrationId"]
        answer = act(made, 1, "retry")
        assert (answer["state"], answer["waitsFor"]) == ("waiting", f"1 migration failed ({other}), the budget is 0")
        made.run(30)
        assert of(made, 1)["state"] == "waiting"
        assert held(made) == {}
        act(made, 2, "retry")
        batch_id = of(made)["batchId"]  # the batch has paused at its budget meanwhile, and a person resumes it
        made.api.post(f"/batches/{batch_id}/resume", {"why": "mended", "failed": 0})
        made.run_until(lambda: set(made.states().values()) == {"migrated"}, minutes=600)


def test_a_retry_of_a_job_waits_for_the_window() -> None:
    with world(instance(1), guests=failing(1, times=1)) as made:
        submitted(made, 1, policy={"window": window(made, 0, 40)})
        made.run_until(lambda: of(made)["state"] == "failed", minutes=300)
        made.run(60)
        assert act(made, 1, "retry")["waitsFor"] == f"{CLOSED} 2026-11-24 08:00 UTC"
        made.run(60)
        assert of(made)["state"] == "waiting"
        made.skip_to(BEFORE_IT_OPENS)
        made.run(20)
        assert of(made)["state"] == "waiting"
        made.run_until(lambda: of(made)["state"] == "migrated", minutes=2 * 60)
