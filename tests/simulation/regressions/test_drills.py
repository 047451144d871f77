"""SMC's drills, and jobs that put the disks back by themselves: neither counts as a migration or as an unchanged instance."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.account import service
from tests.simulation.regressions.test_rollback import ID, act, begin, jobs, migration, reach, world
from tests.support.world import World

__all__ = ["world"]


def facts(**smc: Any) -> dict[str, Any]:
    return {ID: {"smc": smc}}


def press(world: World, driver: str) -> None:
    """A person starts the job, if the driver leaves the start to a person."""
    if driver == "console":
        reach(world, "snapshotted")
        world.start_job_in_the_console(ID, "Alibaba Cloud Linux 3")


@pytest.mark.parametrize("driver", [pytest.param("console", marks=pytest.mark.long), "smc"])
def test_a_drill_is_no_migration_and_its_retry_follows_another_job(world: World, driver: str) -> None:
    begin(world, guests=facts(drills=1), driver=driver)
    press(world, driver)
    failed = reach(world, "failed", "migrated")
    assert (failed["state"], failed["failure"]["code"]) == ("failed", "Job.RolledBack")
    assert "is lost" in failed["failure"]["message"]
    assert "unchanged" not in failed["failure"]["message"]
    act(world, "retry")
    if driver == "console":
        world.run(20)
        assert migration(world)["state"] == "snapshotted", "the drill's job is not followed again"
        start_again(world, next(iter(world.inventory()["sources"])))
    assert reach(world, "migrated", "failed")["state"] == "migrated"


def start_again(world: World, source_id: str) -> None:
    """The person creates another job of the same source, which is not a drill."""
    smc = service(world.cloud, "smc").jobs
    with world.cloud.lock, world.cloud.db.transaction():
        params = {"SourceId": source_id, "JobType": 1, "TargetOsType": "Alibaba Cloud Linux 3", "RegionId": "cn-hangzhou"}
        smc.start({"JobId": smc.create(params)["JobId"]})


def test_a_drill_can_be_rolled_back_to_our_snapshots(world: World) -> None:
    begin(world, guests=facts(drills=1))
    reach(world, "snapshotted", "migrating")
    before = world.disks(ID)
    reach(world, "failed")
    act(world, "rollback")
    assert reach(world, "rolled_back", "failed")["state"] == "rolled_back"
    assert world.disks(ID) == before


@pytest.mark.parametrize("at", [pytest.param("Syncing", marks=pytest.mark.long), "Processing"])
def test_a_failed_job_is_said_to_have_put_the_disks_back_perhaps(world: World, at: str) -> None:
    begin(world, guests=facts(fail_attempts=1, at=at, puts_back=True, cause="A package could not be replaced."))
    failed = reach(world, "failed")
    assert "A package could not be replaced." in failed["failure"]["message"]
    assert "rolled the disks back" in failed["failure"]["message"]
    act(world, "retry")
    assert reach(world, "migrated", "failed")["state"] == "migrated"


def test_a_job_that_a_person_cancels_is_a_failure_that_says_what_smc_may_have_done(world: World) -> None:
    begin(world, guests=facts(puts_back=True))
    reach(world, "migrating")
    before = world.disks(ID)
    job_id = next(iter(world.inventory()["jobs"]))
    smc = service(world.cloud, "smc").jobs
    world.run_until(lambda: smc.need(job_id)["BusinessStatus"] == "Syncing", minutes=60, every=0.2)
    with world.cloud.lock, world.cloud.db.transaction():
        smc.stop({"JobId": job_id})
    failed = reach(world, "failed")
    assert failed["failure"]["code"] == "Job.Stopped"
    assert "rolled the disks back" in failed["failure"]["message"]
    assert world.disks(ID) == before
    assert jobs(world) == ["Stopped"]
