"""The guest driver against Windows guests, whose Setup is simulated by facts: the sequence, its endings, and the media disk.

The real PowerShell is parsed elsewhere (tests/unit/probes/test_windows_tool.py) and was run nowhere.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from localcloud.account import service
from localcloud.ecs import agent
from localcloud.ecs.guest.blob import unpack
from shared.domain.errors import Permanent, Transient
from shared.domain.hop import Hop
from shared.domain.media import LATE_CALL
from shared.domain.migration import Migration, State
from shared.domain.recipes.choose import shipped_recipes
from shared.ports.driver import NOBODY, Driver, JobPhase, JobReport
from shared.runtime.composition import function_credentials, make_ports
from shared.stages.media_disks import remove_leftover_media_disks
from tests.support import media
from tests.support.drivers import moving
from tests.support.fleets import WINDOWS_2012R2, WINDOWS_2016, WINDOWS_2019, fleet, instance
from tests.support.media_rows import change_disk, leftovers, rows, with_row
from tests.support.ports import Bench, CloudClock, bench, settings

PROVEN = ",".join(each.key for each in shipped_recipes())
TO_2019 = Hop("windows-2012r2-datacenter", "windows-2019-datacenter")
TOOLS = {
    "i-test0002": "scan=0xC1900208\napp=Antivirus 7\n",
    "i-test0003": "scan=0xC190020E\n",
    "i-test0004": "fail=upgrade\n",
    "i-test0005": "fail=restart\n",
    "i-test0006": "fail=media\n",
    "i-test0007": "scan=0x80070005\n",
    "i-test0009": "fail=shutdown\n",
    "i-test0012": "fail=image\n",
}
FOLDERS = ("ProgramData/ReplankTool/run", "$WINDOWS.~BT")


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("migrate", REPLANK_GUEST_PROVEN=PROVEN, **media.SETTING) as made:
        guests: dict[str, Any] = {each: {"disks": [{"files": {".guest/tool": text}}]} for each, text in TOOLS.items()}
        names = [WINDOWS_2012R2] * 9 + [WINDOWS_2016, WINDOWS_2019, WINDOWS_2012R2]
        made.world.load_fleet(fleet(*(instance(number, each) for number, each in enumerate(names, 1)), guests=guests))
        media.put_media_snapshot(made.world.cloud)
        yield made


@pytest.fixture
def driver(one: Bench) -> Driver:
    return one.ports.drivers["guest"]


def guest(one: Bench, number: int, hop: Hop = TO_2019, **more: Any) -> Migration:
    """A migration at the beginning of its preparation."""
    made = moving(one, number, driver="guest", os_type="windows", hops=(hop,), **more)
    return replace(made, handle=replace(made.handle, began_at=one.now))


def until(one: Bench, look: Callable[[], JobReport], *phases: JobPhase) -> JobReport:
    def seen() -> JobReport | None:
        report = look()
        return report if report.phase in phases else None

    found: JobReport = one.until(seen, minutes=180)
    return found


def preparation(one: Bench, driver: Driver, made: Migration) -> JobReport:
    return until(one, lambda: driver.prepare_job(made, NOBODY), JobPhase.PREPARED, JobPhase.FAILED)


def prepared(one: Bench, driver: Driver, made: Migration) -> Migration:
    report = preparation(one, driver, made)
    assert report.phase is JobPhase.PREPARED, report
    return replace(made, handle=replace(report.handle, started_at=one.now), state=State.MIGRATING)


def ended(one: Bench, driver: Driver, made: Migration) -> JobReport:
    driver.launch_job(made)
    one.world.run(1)
    return until(one, lambda: driver.job_reports([made])[made.migration_id], JobPhase.FINISHED, JobPhase.FAILED)


def tree(one: Bench, made: Migration) -> dict[str, bytes]:
    """The current files of the system disk."""
    digest = next(iter(one.world.disks(made.instance_id).values()))
    return {path: body for path, (_, body) in unpack(one.world.cloud.db.blob(digest)).items()}


def media_disks(one: Bench) -> list[Any]:
    """All media disks that ECS has, attached or not."""
    return media.media_disks(one.world.cloud)


def clean(one: Bench, driver: Driver, made: Migration) -> int:
    """Clean up as the tick does, until nothing is left. Returns the number of calls."""
    for number in range(1, 30):
        with contextlib.suppress(Transient):
            driver.clean_up_hop(made, made.handle)
            return number
        one.world.run(1)
    raise AssertionError("it is never cleaned")


PATHS = [
    (1, "2012r2-datacenter", "2016"),
    (8, "2012r2-standard", "2019"),
    (10, "2016-datacenter", "2022"),
    (11, "2019-datacenter", "2022"),
]


@pytest.mark.parametrize(("number", "source", "to"), PATHS)
def test_setup_leads_to_the_destination_and_nothing_of_ours_is_left(
    one: Bench, driver: Driver, number: int, source: str, to: str
) -> None:
    made = prepared(one, driver, guest(one, number, Hop(f"windows-{source}", f"windows-{to}-datacenter")))
    assert [each["Status"] for each in media_disks(one)] == ["In_use"]
    report = ended(one, driver, made)
    assert (report.phase, report.progress) == (JobPhase.FINISHED, 100)
    assert not media_disks(one), "the guest is compared without the media disk"
    facts = json.loads(tree(one, made)[".guest/facts.json"])
    assert facts["os"]["caption"] == f"Microsoft Windows Server {to} Datacenter"
    assert not driver.unfinished_jobs(made, ())
    clean(one, driver, made)
    assert not [path for path in tree(one, made) if path.startswith(FOLDERS)]
    assert "Windows.old/win.ini" in tree(one, made)


def test_the_media_disk_says_whose_it_is_and_goes_with_its_instance(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 1))
    (disk,) = media_disks(one)
    tags = {tag["TagKey"]: tag["TagValue"] for tag in disk["Tags"]["Tag"]}
    assert tags == {"replank:migration": made.migration_id, "replank:purpose": "media"}
    assert disk["DeleteWithInstance"]
    seen = next(
        each for each in one.ports.compute.disks_of_instance(made.region_id, made.instance_id) if each.disk_id == disk["DiskId"]
    )
    assert seen.used_by_smc_transit, "no rule and no rollback counts it among the owner's disks"


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (2, "Tool.Inhibited", "Windows Setup refuses: An application blocks the upgrade. "),
        (3, "Tool.DiskFull", "Windows Setup found too little free disk space"),
        (7, "Tool.PrecheckFailed", "unknown code. 0x80070005"),
    ],
)
def test_a_scan_that_refuses_says_why_and_the_disk_goes(one: Bench, driver: Driver, number: int, code: str, said: str) -> None:
    made = guest(one, number)
    report = preparation(one, driver, made)
    assert (report.phase, report.code) == (JobPhase.FAILED, code)
    assert said in report.message
    assert report.remedy
    failed = replace(made, state=State.FAILED)
    with_row(one, failed)
    assert leftovers(one) == 1
    assert not media_disks(one)
    assert clean(one, driver, failed) >= 1
    assert not [path for path in tree(one, made) if path.startswith(FOLDERS)]


def test_a_media_disk_that_is_not_seen_is_told_before_anything_is_scanned(one: Bench, driver: Driver) -> None:
    report = preparation(one, driver, guest(one, 6))
    assert (report.phase, report.code) == (JobPhase.FAILED, "Tool.NotInstalled")
    assert "no disk has the serial number" in report.message


def test_media_without_a_fitting_image_have_a_code_of_their_own(one: Bench, driver: Driver) -> None:
    report = preparation(one, driver, guest(one, 12))
    assert (report.phase, report.code) == (JobPhase.FAILED, "Media.ImageMissing")
    assert "ServerDatacenter (Server, en-US, build 17763)" in report.message
    assert "REPLANK_WINDOWS_MEDIA" in report.remedy


def test_setup_that_fails_before_the_restart_can_be_tried_again(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 4))
    report = ended(one, driver, made)
    assert (report.phase, report.code) == (JobPhase.FAILED, "Tool.DiskFull")
    assert "retry" in report.remedy
    second = prepared(one, driver, guest(one, 4, attempt=2))
    assert [each["DiskName"].rpartition("-")[2] for each in media_disks(one)] == ["2"], "each try has a disk of its own"
    log = tree(one, second)["Windows/setup-tool.log"].decode().splitlines()
    assert log == ["Added: $WINDOWS.~BT", "Removed: $WINDOWS.~BT", "Added: $WINDOWS.~BT"]


def test_setup_that_puts_the_old_system_back_says_it_and_lets_a_retry_begin(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 5))
    report = ended(one, driver, made)
    assert (report.phase, report.code) == (JobPhase.FAILED, "Tool.NotReplaced")
    assert "A driver blocks the upgrade" in report.message
    assert "The old system is back." in report.message
    assert report.remedy == "Update or remove the driver that the message names; then retry."
    assert prepared(one, driver, guest(one, 5, attempt=2)).handle.job_id.endswith("-2")


def test_the_same_command_twice_starts_once(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 1))
    driver.launch_job(made)
    one.world.run(1)
    driver.launch_job(made)
    driver.prepare_job(made, NOBODY)
    report = until(one, lambda: driver.job_reports([made])[made.migration_id], JobPhase.FINISHED, JobPhase.FAILED)
    assert report.phase is JobPhase.FINISHED
    assert tree(one, made)["$WINDOWS.~BT/Sources/Panther/setupact.log"].decode().split() == ["scan", "upgrade"]


def test_an_agent_that_is_silent_for_an_hour_changes_nothing(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 1))
    driver.launch_job(made)
    one.world.run(2)
    world = service(one.world.cloud, "ecs").world
    with one.world.cloud.lock, one.world.cloud.db.transaction():
        found = world.instance(made.instance_id)
        agent.return_at(world, found, world.now + 3_600_000)
        world.store.put("instance", made.instance_id, found)
    assert driver.job_reports([made])[made.migration_id].phase is JobPhase.RUNNING
    report = until(one, lambda: driver.job_reports([made])[made.migration_id], JobPhase.FINISHED, JobPhase.FAILED)
    assert report.phase is JobPhase.FINISHED


def test_a_restart_in_the_middle_of_the_down_level_phase_is_told_and_can_be_tried_again(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 1))
    driver.launch_job(made)
    one.world.run(4)
    one_ecs = service(one.world.cloud, "ecs")
    with one.world.cloud.lock, one.world.cloud.db.transaction():
        one_ecs.operations["RebootInstance"].perform({"InstanceId": made.instance_id})
    report = until(one, lambda: driver.job_reports([made])[made.migration_id], JobPhase.FINISHED, JobPhase.FAILED)
    assert (report.code, report.remedy) == ("Tool.Interrupted", "Retry: it begins from the start. Or roll back.")


def unanswered(one: Bench, driver: Driver, made: Migration, kind: str) -> None:
    """The first call for the disk gets no answer: it was lost before it took effect, or after."""
    one.faults({"service": "ecs", "operation": "CreateDisk", "kind": kind, "times": -1})
    with pytest.raises(Transient):
        one.until(lambda: driver.prepare_job(made, NOBODY).phase is not JobPhase.PREPARING)
    one.faults()


def test_a_lost_answer_of_create_disk_makes_no_second_disk(one: Bench, driver: Driver) -> None:
    made = guest(one, 1)
    unanswered(one, driver, made, "drop_after")
    prepared(one, driver, made)
    assert len(media_disks(one)) == 1


def test_a_crash_after_create_disk_leaves_a_disk_that_is_found_by_its_tags(one: Bench, driver: Driver) -> None:
    made = guest(one, 1)
    unanswered(one, driver, made, "drop_after")
    with_row(one, replace(made, state=State.CANCELLED))
    assert len(media_disks(one)) == 1
    assert leftovers(one) == 1
    assert not media_disks(one)


def test_a_row_whose_disk_may_still_be_requested_is_kept_for_a_while(one: Bench, driver: Driver) -> None:
    made = guest(one, 1)
    unanswered(one, driver, made, "drop_before")
    with_row(one, replace(made, state=State.CANCELLED))
    assert remove_leftover_media_disks(one.ports) == 0
    assert len(rows(one.ports)) == 1
    one.world.run(LATE_CALL.total_seconds() / 60)
    assert remove_leftover_media_disks(one.ports) == 1
    assert not rows(one.ports)


def refused_by_ram(times: int) -> dict[str, Any]:
    return {"service": "ecs", "operation": "DeleteDisk", "kind": "error", "code": "Forbidden.RAM", "status": 403, "times": times}


def test_a_delete_that_is_repeated_after_a_lost_answer_is_no_missing_permission(one: Bench, driver: Driver) -> None:
    """RAM judges the second call by the tag of a disk that is gone, and refuses it."""
    made = prepared(one, driver, guest(one, 1))
    with_row(one, replace(made, state=State.FAILED))
    remove_leftover_media_disks(one.ports)
    one.world.run(3)
    one.faults({"service": "ecs", "operation": "DeleteDisk", "kind": "drop_after", "times": 1}, refused_by_ram(1))
    assert remove_leftover_media_disks(one.ports) == 1
    assert (media_disks(one), rows(one.ports)) == ([], [])


def test_a_missing_permission_keeps_the_row(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 1))
    with_row(one, replace(made, state=State.FAILED))
    remove_leftover_media_disks(one.ports)
    one.world.run(3)
    one.faults(refused_by_ram(-1))
    assert remove_leftover_media_disks(one.ports) == 0
    assert len(rows(one.ports)) == 1
    one.faults()
    assert remove_leftover_media_disks(one.ports) == 1


def test_a_disk_that_lost_its_tag_is_never_deleted(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 1))
    (disk,) = media_disks(one)
    change_disk(one, disk, Tags={"Tag": []})
    assert driver.prepare_job(made, NOBODY).phase is JobPhase.PREPARING, "a list may show a new disk before its tags"
    with_row(one, replace(made, state=State.FAILED))
    assert remove_leftover_media_disks(one.ports) == 0
    assert len(rows(one.ports)) == 1
    one.world.run(LATE_CALL.total_seconds() / 60)
    with pytest.raises(Permanent) as changed:
        driver.prepare_job(made, NOBODY)
    assert changed.value.code == "Media.DiskChanged"
    leftovers(one)
    assert [each["DiskId"] for each in media_disks(one)] == [disk["DiskId"]]
    assert not rows(one.ports)


def test_the_media_of_a_run_that_goes_on_are_kept(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 1))
    with_row(one, made)
    assert leftovers(one) == 0
    assert [each["Status"] for each in media_disks(one)] == ["In_use"]


def test_a_cancellation_removes_the_disk_and_what_setup_left(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 1))
    gone = replace(made, state=State.CANCELLED)
    assert clean(one, driver, gone) > 1
    assert not media_disks(one)
    assert not [path for path in tree(one, made) if path.startswith(FOLDERS)]


def test_a_rollback_does_not_wait_for_the_disk(one: Bench, driver: Driver) -> None:
    made = replace(prepared(one, driver, guest(one, 1)), state=State.ROLLING_BACK)
    driver.clean_up_hop(made, made.handle)
    assert [each["Status"] for each in media_disks(one)] == ["Detaching"]
    with_row(one, made)
    assert leftovers(one) == 1


@pytest.mark.parametrize(
    ("release", "region", "what"),
    [
        ("windows-2025-datacenter", "cn-hangzhou", "windows-2025-datacenter in cn-hangzhou"),
        ("windows-2019-datacenter", "cn-beijing", "windows-2019-datacenter in cn-beijing"),
    ],
)
def test_without_media_of_the_region_the_driver_is_not_ready(
    one: Bench, driver: Driver, release: str, region: str, what: str
) -> None:
    driver.check_settings_for_destinations("windows", ("windows-2019-datacenter",), "cn-hangzhou")
    driver.check_settings_for_destinations("linux", ("anolis-8",), region)
    with pytest.raises(Permanent) as missing:
        driver.check_settings_for_destinations("windows", (release,), region)
    assert missing.value.code == "Driver.SettingMissing"
    assert what in missing.value.message
    assert "REPLANK_WINDOWS_MEDIA" in missing.value.remedy


def test_a_snapshot_that_does_not_exist_is_told_and_nothing_is_made(one: Bench) -> None:
    wrong = {"windows-2019-datacenter": {"cn-hangzhou": "s-none"}}
    told = settings(REPLANK_GUEST_PROVEN=PROVEN, REPLANK_WINDOWS_MEDIA=json.dumps(wrong))
    ports = make_ports("migrate", told, function_credentials(os.environ, None), CloudClock(one.world))
    with pytest.raises(Permanent) as missing:
        ports.drivers["guest"].prepare_job(guest(one, 1), NOBODY)
    assert missing.value.code == "Media.SnapshotMissing"
    assert not rows(ports)


def test_a_disk_of_the_next_attempt_is_not_removed_by_an_earlier_one(one: Bench, driver: Driver) -> None:
    first = guest(one, 1)
    second = prepared(one, driver, guest(one, 1, attempt=2))
    with contextlib.suppress(Transient):
        driver.clean_up_hop(first, first.handle)
    one.world.run(3)
    assert [each["Status"] for each in media_disks(one)] == ["In_use"]
    assert ended(one, driver, second).phase is JobPhase.FINISHED


def test_a_disk_that_somebody_detached_is_attached_again(one: Bench, driver: Driver) -> None:
    made = guest(one, 1)
    one.until(lambda: driver.prepare_job(made, NOBODY).remedy != "The disk with the installation media is being made and attached.")
    (disk,) = media_disks(one)
    with one.world.cloud.lock, one.world.cloud.db.transaction():
        service(one.world.cloud, "ecs").operations["DetachDisk"].perform({"InstanceId": made.instance_id, "DiskId": disk["DiskId"]})
    one.world.run(2)
    assert preparation(one, driver, made).phase in (JobPhase.PREPARED, JobPhase.FAILED)
    assert [each["Status"] for each in media_disks(one)] == ["In_use"]


def test_what_setup_needs_at_its_first_restart_stays_until_the_restart(one: Bench, driver: Driver) -> None:
    made = prepared(one, driver, guest(one, 9))
    driver.launch_job(made)
    one.world.run(15)
    assert driver.job_reports([made])[made.migration_id].phase is JobPhase.RUNNING
    for _ in range(5):
        with pytest.raises(Transient):
            driver.clean_up_hop(made, made.handle)
        one.world.run(1)
    assert "$WINDOWS.~BT/Sources/Panther/setupact.log" in tree(one, made)
    second = preparation(one, driver, guest(one, 9, attempt=2))
    assert (second.phase, second.code) == (JobPhase.FAILED, "Tool.AlreadyRuns")
    with one.world.cloud.lock, one.world.cloud.db.transaction():
        service(one.world.cloud, "ecs").operations["RebootInstance"].perform({"InstanceId": made.instance_id})
    report = until(one, lambda: driver.job_reports([made])[made.migration_id], JobPhase.FINISHED, JobPhase.FAILED)
    assert report.phase is JobPhase.FINISHED
