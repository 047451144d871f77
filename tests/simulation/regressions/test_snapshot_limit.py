"""Snapshots that never end: the migration gives up after exactly one day and releases its slot."""

from __future__ import annotations

from localcloud.account import service
from localcloud.ecs import snapshot_life
from tests.simulation.regressions.test_batch_brake import states
from tests.simulation.regressions.test_limits_at_starts import of, submitted, world
from tests.support.fleets import instance
from tests.support.world import World

HOUR_MIN = 60


def hang(made: World) -> None:
    """Make the snapshots in progress never end."""
    with made.cloud.lock, made.cloud.db.transaction():
        for each in service(made.cloud, "ecs").world.store.find("snapshot", {"status": "progressing"}):
            made.cloud.scheduler.cancel(snapshot_life.FINISH, each["SnapshotId"])


def test_snapshots_may_take_a_day_and_no_longer() -> None:
    with world(instance(1), instance(2)) as made:
        submitted(made, 2, policy={"maxMoving": 1, "failureBudget": 1})
        made.run_until(lambda: "snapshotting" in states(made), minutes=30)
        hang(made)
        slow = next(number for number in (1, 2) if of(made, number)["state"] == "snapshotting")
        made.run_sparsely(23 * HOUR_MIN)
        assert of(made, slow)["state"] == "snapshotting"
        assert of(made, 3 - slow)["state"] == "ready", "the slot is taken"
        made.run(2 * HOUR_MIN)
        found = of(made, slow)
        assert (found["state"], found["failure"]["code"]) == ("failed", "Snapshot.TimedOut")
        assert "24 hours" in found["failure"]["message"]
        made.run_until(lambda: of(made, 3 - slow)["state"] == "migrated", minutes=600)
