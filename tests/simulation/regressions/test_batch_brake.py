"""Pause, resume, stop and retry of a whole batch, through the API, the tick and the cloud."""

from __future__ import annotations

from typing import Any

import pytest

from cli.problem import Problem
from tests.simulation.regressions.test_limits_at_starts import TWO_HOPS, act, failing, held, lines, of, submitted, world
from tests.support.fleets import WINDOWS_2008, instance
from tests.support.world import World


def shown(world: World, batch_id: str) -> dict[str, Any]:
    found: dict[str, Any] = world.api.get(f"/batches/{batch_id}")
    return found


def asked(world: World, batch_id: str, verb: str, *, who: str = "bob", seen: int = 0, **body: Any) -> dict[str, Any]:
    """A person's act on the batch, for its current version or the given one."""
    found = shown(world, batch_id)
    more = {"failed": found["failed"]} if verb == "resume" else {}
    former, world.operator = world.operator, who
    try:
        answer: dict[str, Any] = world.api.post(f"/batches/{batch_id}/{verb}", {**more, **body}, seen=seen or found["version"])
    finally:
        world.operator = former
    return answer


def states(world: World) -> list[str]:
    return sorted(world.states().values())


def test_nothing_new_starts_in_a_paused_batch_and_a_next_hop_goes_on() -> None:
    with world(instance(1, WINDOWS_2008), instance(2)) as made:
        batch_id = submitted(made, 2, policy={"maxMoving": 1}, **TWO_HOPS)
        made.run_until(lambda: "migrating" in states(made), minutes=60)
        asked(made, batch_id, "pause", why="the pager")
        two_hops = next(each for each in (1, 2) if of(made, each)["state"] == "migrating")
        made.run_until(lambda: of(made, two_hops)["state"] == "migrated", minutes=900)
        other = of(made, 3 - two_hops)
        assert other["state"] == "ready"
        assert "paused by bob" in other["waitsFor"]
        assert "replank resume" in other["waitsFor"]
        assert "the pager" in shown(made, batch_id)["heldBack"]
        asked(made, batch_id, "resume", why="it is over")
        made.run_until(lambda: states(made) == ["migrated"] * 2, minutes=900)
        assert [(each["act"], each["by"]) for each in shown(made, batch_id)["journal"]] == [("pause", "bob"), ("resume", "bob")]


def test_a_pause_takes_the_job_of_a_first_try_back_to_the_start() -> None:
    with world(instance(1)) as made:
        batch_id = submitted(made, 1, policy={})
        made.run_until(lambda: of(made)["state"] == "snapshotting", minutes=60)
        asked(made, batch_id, "pause")
        made.run_until(lambda: of(made)["state"] == "ready", minutes=120)
        assert held(made) == {}
        asked(made, batch_id, "resume", why="on")
        made.run_until(lambda: of(made)["state"] == "migrated", minutes=300)


def test_a_batch_pauses_at_its_budget_and_a_person_lets_the_count_restart() -> None:
    """In the past, a retry of the failed migration resumed the batch by itself, and nobody learned that the batch had paused."""
    with world(*(instance(number) for number in range(1, 5)), guests=failing(1, 2, 3, 4, times=1)) as made:
        batch_id = submitted(made, 4, policy={"failureBudget": 0, "maxMoving": 1})
        made.run_until(lambda: "failed" in states(made), minutes=600)
        made.run(5)
        found = shown(made, batch_id)
        assert (found["brake"]["state"], found["brake"]["by"], found["failed"]) == ("paused at budget", "watch", 1)
        told = [each["data"] for each in made.events("replank:Batch:BatchPaused")]
        assert [(each["batchId"], each["failed"], each["budget"]) for each in told] == [(batch_id, 1, 0)]
        first = next(number for number in range(1, 5) if of(made, number)["state"] == "failed")
        act(made, first, "retry")
        made.run(60)
        assert "paused at its failure budget" in of(made, first)["waitsFor"]
        with pytest.raises(Problem) as refused:
            asked(made, batch_id, "resume", why="unseen", failed=7)
        assert refused.value.code == "Batch.FailedSince"
        asked(made, batch_id, "resume", who="eve", why="the mirror is back")
        made.run_until(lambda: "failed" in states(made), minutes=1200)
        made.run(5)
        assert len(made.events("replank:Batch:BatchPaused")) == 2, "the count starts again, and so does the pause"


def test_a_wave_that_spends_its_own_budget_is_named_in_the_event_and_on_the_page() -> None:
    with world(*(instance(number) for number in range(1, 5)), guests=failing(1, 2, 3, 4, times=1)) as made:
        policy = {"failureBudget": 3, "waveFailureBudget": 0, "waves": ["2"], "maxMoving": 1}
        batch_id = submitted(made, 4, policy=policy)
        made.run_until(lambda: "failed" in states(made), minutes=600)
        made.run(5)
        found = shown(made, batch_id)
        assert (found["brake"]["state"], found["failed"], found["failureBudget"]) == ("paused at budget", 1, 3)
        assert [(each["number"], each["againstBudget"]) for each in found["waves"]] == [(1, 1), (2, 0)]
        (told,) = [each["data"] for each in made.events("replank:Batch:BatchPaused")]
        assert (told["failed"], told["budget"]) == (1, 3)
        assert (told["wave"], told["waveFailed"], told["waveBudget"]) == (1, 1, 0)


def test_a_stopped_batch_finishes_what_runs_and_cancels_the_rest_in_the_persons_name() -> None:
    with world(*(instance(number) for number in range(1, 5))) as made:
        batch_id = submitted(made, 4, policy={"maxMoving": 1})
        made.run_until(lambda: "migrating" in states(made), minutes=120)
        asked(made, batch_id, "stop", why="wrong image")
        made.run_until(lambda: "migrated" in states(made), minutes=300)
        made.run(10)
        assert states(made) == ["cancelled"] * 3 + ["migrated"]
        cancelled = next(number for number in range(1, 5) if of(made, number)["state"] == "cancelled")
        last = lines(made, cancelled)[-1]
        assert (last["by"], last["reason"]) == ("bob", "cancelled: bob stopped the batch")
        assert held(made) == {}
        assert shown(made, batch_id)["brake"]["state"] == "stopped"


def test_a_batch_that_nobody_acknowledged_can_be_stopped() -> None:
    with world(instance(1), instance(2)) as made:
        batch_id = submitted(made, 2, policy={}, acknowledged=False)
        asked(made, batch_id, "stop")
        made.run(5)
        assert states(made) == ["cancelled"] * 2
        with pytest.raises(Problem) as refused:
            made.api.post(
                f"/batches/{batch_id}/acknowledgement",
                {"risksVersion": made.api.get("/risks")["version"]},
                seen=shown(made, batch_id)["version"],
            )
        assert refused.value.code == "Batch.Stopped"


def test_what_failed_in_a_stopped_batch_is_retried_once_it_is_resumed() -> None:
    with world(instance(1), guests=failing(1, times=1)) as made:
        batch_id = submitted(made, 1, policy={})
        made.run_until(lambda: states(made) == ["failed"], minutes=300)
        asked(made, batch_id, "stop")
        with pytest.raises(Problem) as refused:
            act(made, 1, "retry")
        assert refused.value.code == "Batch.Stopped"
        asked(made, batch_id, "resume", why="one more try")
        act(made, 1, "retry")
        made.run_until(lambda: states(made) == ["migrated"], minutes=600)


def test_an_act_on_a_batch_applies_to_what_the_person_saw_and_once() -> None:
    with world(instance(1)) as made:
        batch_id = submitted(made, 1, policy={}, acknowledged=False)
        seen = shown(made, batch_id)["version"]
        first = asked(made, batch_id, "pause", seen=seen)
        assert asked(made, batch_id, "pause", seen=seen) == first, "the same request after a lost answer"
        with pytest.raises(Problem) as refused:
            asked(made, batch_id, "stop", who="eve", seen=seen)
        assert refused.value.code == "Batch.Moved"
        assert "paused by bob" in refused.value.message
        assert len(shown(made, batch_id)["journal"]) == 1


def test_only_what_failed_is_tried_again_each_as_it_was_seen() -> None:
    with world(*(instance(number) for number in range(1, 4)), guests=failing(1, 2, times=1)) as made:
        batch_id = submitted(made, 3, policy={"failureBudget": 5})
        made.run_until(lambda: states(made) == ["failed", "failed", "migrated"], minutes=600)
        named = [{"migrationId": of(made, n)["migrationId"], "version": of(made, n)["version"] - (n == 2)} for n in (1, 2, 3)]
        answer = made.api.post(f"/batches/{batch_id}/retry", {"migrations": named})
        assert answer["retried"] == [of(made, 1)["migrationId"]] or len(answer["retried"]) == 2
        assert "Migration.NotRetryable" in [each["code"] for each in answer["refused"]]
        made.run_until(lambda: of(made, 1)["state"] == "migrated", minutes=600)
