"""After a job that failed, was cancelled or was a drill, the state says what SMC did to the disks, and that is true in the
cloud.
"""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.account import service
from localcloud.ecs.guest.blob import unpack
from tests.simulation.regressions.test_rollback import ID, act, begin, migration, reach, submit, world
from tests.support.fleets import fleet, instance
from tests.support.world import World

__all__ = ["world"]
REFUSED = {"operation": "RunCommand", "kind": "error", "code": "Forbidden.RAM", "status": 403, "times": -1}
"""The error of a role that was deployed before the marker existed."""
LINUX, WINDOWS = "var/lib/replank/marker", "ProgramData/Replank/marker"
OLD: dict[str, Any] = {
    "OSName": "Windows Server  2012 R2 数据中心版 64位中文版",
    "OSNameEn": "Windows Server 2012 R2 Datacenter 64-bit",
    "OSType": "windows",
}


def facts(**smc: Any) -> dict[str, Any]:
    return {ID: {"smc": smc}}


def tree(world: World) -> dict[str, Any]:
    disk = service(world.cloud, "ecs").world.disks(ID)[0]
    return dict(unpack(world.cloud.db.blob(disk["sim"]["blob"])))


def job(world: World) -> dict[str, Any]:
    return dict(service(world.cloud, "smc").jobs.need(next(iter(world.inventory()["jobs"]))))


def syncing(world: World) -> None:
    """Run until the job has made its copies and the marker could be written."""
    world.run_until(lambda: bool(world.inventory()["jobs"]) and job(world)["BusinessStatus"] == "Syncing", minutes=120, every=0.2)
    world.run(1.5)


def result(world: World) -> dict[str, Any]:
    """The result of the migration in its batch's report."""
    (found,) = world.api.get(f"/batches/{migration(world)['batchId']}/report")["migrations"]
    return dict(found)


@pytest.mark.parametrize(
    ("smc", "answer", "words"),
    [
        ({"fail_attempts": 1, "puts_back": True}, "SMC rolled back", "is lost"),
        ({"fail_attempts": 1}, "not rolled back", "SMC has not rolled the disks back"),
        ({"fail_attempts": 1, "at": "Preparing"}, "not rolled back", "SMC has not rolled the disks back"),
        ({"drills": 1}, "SMC rolled back", "is lost"),
    ],
    ids=["put back", "kept", "failed early", "drill"],
)
def test_the_state_says_what_smc_did_to_the_disks(world: World, smc: dict[str, Any], answer: str, words: str) -> None:
    begin(world, guests=facts(**smc))
    failed = reach(world, "failed", "migrated")
    assert (failed["state"], failed["smcRollback"]) == ("failed", answer)
    assert words in failed["failure"]["message"]
    assert "CentOS Linux 7" in failed["failure"]["message"], "what the guest runs is said"
    assert "unchanged" not in str(failed)
    assert result(world)["smcRollback"] == answer
    assert world.api.get(f"/migrations/{failed['migrationId']}/report")["judgement"]["smcRollback"] == answer
    assert answer in str(world.api.get(f"/migrations/{failed['migrationId']}/journal"))
    world.run(5)
    assert LINUX not in tree(world), "nothing of ours stays in the guest"
    act(world, "retry")
    assert reach(world, "migrated", "failed")["state"] == "migrated"
    assert migration(world)["smcRollback"] == ""
    world.run(5)
    assert LINUX not in tree(world)


def test_a_job_that_a_person_cancels_is_asked_about_as_well(world: World) -> None:
    begin(world, guests=facts(puts_back=True))
    syncing(world)
    smc = service(world.cloud, "smc").jobs
    with world.cloud.lock, world.cloud.db.transaction():
        smc.stop({"JobId": job(world)["JobId"]})
    failed = reach(world, "failed")
    assert (failed["failure"]["code"], failed["smcRollback"]) == ("Job.Stopped", "SMC rolled back")
    assert "backups or queues" in failed["failure"]["remedy"]


@pytest.mark.parametrize(("smc", "answer"), [({"drills": 1}, "SMC rolled back"), ({"fail_attempts": 1}, "not rolled back")])
def test_a_windows_guest_is_asked_as_well(world: World, smc: dict[str, Any], answer: str) -> None:
    world.load_fleet(fleet(instance(1, **OLD), guests=facts(**smc)))
    submit(world)
    syncing(world)
    assert WINDOWS in tree(world)
    failed = reach(world, "failed", "migrated")
    assert (failed["state"], failed["smcRollback"]) == ("failed", answer)
    assert "Windows Server 2012 R2" in failed["failure"]["message"]


def test_the_marker_names_its_migration_and_goes_with_the_success(world: World) -> None:
    begin(world)
    syncing(world)
    mode, body = tree(world)[LINUX]
    assert body.decode().startswith(f"replank migration {migration(world)['migrationId']} hop 0 attempt 1")
    assert mode == 0o600
    reach(world, "migrated")
    world.run(5)
    assert LINUX not in tree(world)
    assert migration(world)["smcRollback"] == ""


def test_a_guest_that_takes_no_command_fails_as_not_known_and_never_stops_the_migration(world: World) -> None:
    """Neither writing the marker nor reading it may make the migration fail."""
    begin(world, guests=facts(fail_attempts=1))
    reach(world, "migrating")
    world.cloud.faults.set([REFUSED])
    failed = reach(world, "failed")
    assert (failed["failure"]["code"], failed["smcRollback"]) == ("M199", "not known")
    assert "It is not known whether SMC rolled the disks back" in failed["failure"]["message"]
    world.cloud.faults.set([])
    act(world, "retry")
    assert reach(world, "migrated", "failed")["state"] == "migrated"


def test_a_marker_that_cannot_be_written_stops_nothing(world: World) -> None:
    begin(world)
    reach(world, "migrating")
    world.cloud.faults.set([REFUSED])
    syncing(world)
    assert LINUX not in tree(world)
    world.cloud.faults.set([])
    world.run(20)
    assert reach(world, "migrated", "failed")["state"] == "migrated"


def test_the_failure_counts_while_the_guest_is_asked(world: World) -> None:
    """Budget 0: nothing else starts once the job has failed, and the row says what is being done."""
    guests = {each: {"smc": {"fail_attempts": 1}} for each in (ID, "i-test0002")}
    world.load_fleet(fleet(instance(1), instance(2), guests=guests))
    batch_id = str(
        world.api.post("/batches", {"releases": ["centos-7"], "policy": {"maxMoving": 1, "failureBudget": 0}})["batchId"]
    )
    world.run(20)
    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})

    def asked() -> list[dict[str, Any]]:
        shown = [dict(world.api.get(f"/migrations/{each['migrationId']}")) for each in world.migrations()]
        return [each for each in shown if "whether SMC rolled the disks back" in each["waitsFor"]]

    world.run_until(lambda: bool(asked()), minutes=600)
    assert [each["state"] for each in asked()] == ["migrating"]
    assert "the budget is 0" in world.api.get(f"/batches/{batch_id}")["heldBack"]


def test_a_job_started_again_in_the_smc_console_goes_on(world: World) -> None:
    begin(world, guests=facts(fail_attempts=1))
    world.run_until(lambda: bool(world.inventory()["jobs"]) and job(world)["Status"] == "InError", minutes=600)
    world.run(2)
    smc = service(world.cloud, "smc").jobs
    with world.cloud.lock, world.cloud.db.transaction():
        smc.start({"JobId": job(world)["JobId"]})
    assert reach(world, "migrated", "failed")["state"] == "migrated"
    assert "the job runs again" in str(world.api.get(f"/migrations/{migration(world)['migrationId']}/journal"))
    assert migration(world)["attempt"] == 1


def test_duplicated_ticks_write_one_marker(world: World) -> None:
    begin(world)
    reach(world, "migrating")
    world.cloud.faults.set([{"service": "ots", "operation": "UpdateRow", "kind": "drop_after", "times": 3}])
    syncing(world)
    assert LINUX in tree(world)
    assert reach(world, "migrated", "failed")["state"] == "migrated"
