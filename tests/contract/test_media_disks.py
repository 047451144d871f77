"""The rows of the media disks of Windows, when calls come late, lists lag, and others act."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from localcloud.account import service
from shared.adapters import media_disks as media_disk_store
from shared.adapters.compute import EcsCompute
from shared.adapters.store import Store
from shared.domain.errors import Permanent, Transient
from shared.domain.hop import Hop
from shared.domain.media import CREATE_UNTIL, LATE_CALL, media_disk_row, media_disk_token
from shared.domain.migration import Migration, State
from shared.runtime.composition import function_credentials, make_ports
from shared.stages.media_disks import remove_leftover_media_disks
from tests.support import media
from tests.support.drivers import moving
from tests.support.fleets import WINDOWS_2012R2, fleet, instance
from tests.support.media import media_disks
from tests.support.media_rows import change_disk, leftovers, rows, with_row
from tests.support.ports import Bench, CloudClock, bench, settings


@pytest.fixture
def one() -> Iterator[Bench]:
    with bench("migrate", **media.SETTING) as made:
        made.world.load_fleet(fleet(*(instance(number, WINDOWS_2012R2) for number in (1, 2))))
        media.put_media_snapshot(made.world.cloud)
        yield made


def guest(one: Bench) -> Migration:
    hop = Hop("windows-2012r2-datacenter", "windows-2019-datacenter")
    return replace(moving(one, 1, driver="guest", os_type="windows", hops=(hop,)), state=State.MIGRATING)


def guest_with_disk(one: Bench) -> Migration:
    made = guest(one)
    one.until(lambda: attached(one, made))
    return made


def minutes(span: timedelta) -> float:
    return span.total_seconds() / 60


def attached(one: Bench, made: Migration) -> str:
    """The id of the migration's disk, once it is attached. Each call takes the next step."""
    return one.ports.media_disks.attached_disk_id(made, media.SNAPSHOT, one.ports.compute)


def test_the_token_of_a_row_that_was_read_is_that_of_the_row_that_was_written(one: Bench) -> None:
    store = one.ports.media_disks
    written = media_disk_row(guest(one), media.SNAPSHOT, one.now.replace(microsecond=999_700))
    assert store._put_new(written)  # type: ignore[attr-defined]
    assert rows(one.ports) == [written]
    assert media_disk_token(rows(one.ports)[0]) == media_disk_token(written)


def test_a_second_disk_of_the_same_name_goes_with_the_first(one: Bench) -> None:
    made = guest_with_disk(one)
    (row,) = rows(one.ports)
    one.ports.compute.create_media_disk(row, 20, token="another")
    assert len(media_disks(one.world.cloud)) == 2
    with_row(one, replace(made, state=State.FAILED))
    assert leftovers(one) == 1
    assert not media_disks(one.world.cloud)


def test_an_old_row_requests_no_disk_and_is_written_anew_in_time(one: Bench) -> None:
    made = guest(one)
    one.faults({"service": "ecs", "operation": "CreateDisk", "kind": "drop_before", "times": -1})
    with pytest.raises(Transient):
        attached(one, made)
    one.faults()
    (first,) = rows(one.ports)
    one.world.run(minutes(CREATE_UNTIL))
    assert attached(one, made) == ""
    assert (media_disks(one.world.cloud), rows(one.ports)) == ([], [first]), "the lost call may still arrive"
    one.world.run(minutes(LATE_CALL - CREATE_UNTIL))
    attached(one, made)
    assert one.until(lambda: attached(one, made)) == media_disks(one.world.cloud)[0]["DiskId"]
    assert media_disk_token(rows(one.ports)[0]) != media_disk_token(first)


def test_an_old_row_finds_the_disk_of_a_lost_answer(one: Bench) -> None:
    made = guest(one)
    one.faults({"service": "ecs", "operation": "CreateDisk", "kind": "drop_after", "times": -1})
    with pytest.raises(Transient):
        attached(one, made)
    one.world.run(minutes(CREATE_UNTIL))
    assert one.until(lambda: attached(one, made)) == media_disks(one.world.cloud)[0]["DiskId"]
    assert len(media_disks(one.world.cloud)) == 1


def test_a_row_that_was_deleted_during_the_request_is_put_back(one: Bench) -> None:
    made = guest(one)
    create = EcsCompute.create_media_disk

    def create_slowly(self: EcsCompute, row: Any, size_gib: int, *, token: str) -> str:
        disk_id = create(self, row, size_gib, token=token)
        assert one.ports.media_disks._delete_row(row)  # type: ignore[attr-defined]
        return disk_id

    with mock.patch.object(EcsCompute, "create_media_disk", create_slowly):
        attached(one, made)
    assert [each.disk_id for each in rows(one.ports)] == [each["DiskId"] for each in media_disks(one.world.cloud)]
    with_row(one, replace(made, state=State.CANCELLED))
    assert leftovers(one) == 1
    assert not media_disks(one.world.cloud)


def test_a_list_that_lags_forgets_no_new_disk(one: Bench) -> None:
    made = guest(one)
    attached(one, made)
    (row,) = rows(one.ports)
    unseen = (
        mock.patch.object(EcsCompute, "data_disk", return_value=None),
        mock.patch.object(EcsCompute, "media_disks_of_migration", return_value=()),
    )
    with unseen[0], unseen[1]:
        assert attached(one, made) == ""
        assert not one.ports.media_disks.is_disk_of_run_removed(made, one.ports.compute)
    assert rows(one.ports) == [row]
    assert one.until(lambda: attached(one, made)) == row.disk_id
    assert len(media_disks(one.world.cloud)) == 1


def test_a_disk_that_somebody_deleted_is_made_again(one: Bench) -> None:
    made = guest(one)
    attached(one, made)
    (gone,) = media_disks(one.world.cloud)
    one.world.run(minutes(LATE_CALL))
    one.ports.compute.delete_disk(made.region_id, gone["DiskId"])
    assert one.until(lambda: attached(one, made)) == media_disks(one.world.cloud)[0]["DiskId"] != gone["DiskId"]


def test_a_disk_on_another_instance_stays_there_and_keeps_its_row(one: Bench, caplog: pytest.LogCaptureFixture) -> None:
    made = guest_with_disk(one)
    (disk,) = media_disks(one.world.cloud)
    change_disk(one, disk, InstanceId="i-test0002")
    with_row(one, replace(made, state=State.FAILED))
    assert leftovers(one) == 0
    assert [(each["Status"], each["InstanceId"]) for each in media_disks(one.world.cloud)] == [("In_use", "i-test0002")]
    assert len(rows(one.ports)) == 1
    assert "is attached to i-test0002, and is left there" in caplog.text
    with pytest.raises(Permanent) as left:
        one.ports.media_disks.is_disk_of_run_removed(made, one.ports.compute)
    assert left.value.code == "Media.DiskLeft"


def test_a_setting_that_changes_during_a_run_leaves_the_disk_attached(one: Bench) -> None:
    made = guest_with_disk(one)
    (disk,) = media_disks(one.world.cloud)
    assert one.ports.media_disks.attached_disk_id(made, "s-other", one.ports.compute) == disk["DiskId"]
    assert media_disks(one.world.cloud) == [disk]


def test_a_disk_whose_state_forbids_the_second_call_too_breaks_nothing(one: Bench) -> None:
    made = guest_with_disk(one)
    (disk,) = media_disks(one.world.cloud)
    code = {"code": "IncorrectDiskStatus", "status": 403}
    one.faults(
        {"service": "ecs", "operation": "DetachDisk", "kind": "error", "code": "Forbidden.RAM", "status": 403, "times": 1},
        {"service": "ecs", "operation": "DetachDisk", "kind": "error", "times": 1, **code},
    )
    one.ports.compute.detach_disk(made.region_id, made.instance_id, disk["DiskId"])
    assert [each["Status"] for each in media_disks(one.world.cloud)] == ["In_use"]


def test_a_migration_that_goes_on_after_the_bulk_read_keeps_its_disk(one: Bench) -> None:
    made = guest_with_disk(one)
    with_row(one, made)
    before = replace(made, state=State.FAILED)
    with mock.patch.object(type(one.ports.migrations), "load_migrations", return_value=[before]):
        assert leftovers(one) == 0
    assert [each["Status"] for each in media_disks(one.world.cloud)] == ["In_use"]


def offer(one: Bench, *categories: str) -> None:
    """The zone offers only these categories from now on."""
    with one.world.cloud.lock, one.world.cloud.db.transaction():
        service(one.world.cloud, "ecs").world.set_setting("disk_categories", list(categories))


def system_disk(one: Bench, category: str) -> None:
    """The system disk of the instance has this category."""
    with one.world.cloud.lock:
        found = service(one.world.cloud, "ecs").world.store.find("disk", {})
    (disk,) = [each for each in found if each["InstanceId"] == "i-test0001" and each["Type"] == "system"]
    change_disk(one, disk, Category=category)


@pytest.mark.parametrize(
    ("own", "offered", "made"),
    [
        ("cloud_ssd", ["cloud_ssd", "cloud_essd"], "cloud_ssd"),
        ("cloud_ssd", ["cloud_auto"], "cloud_auto"),
        ("cloud", ["cloud_essd"], "cloud_essd"),
    ],
)
def test_a_disk_has_the_category_of_the_system_disk_or_one_that_the_zone_offers(
    one: Bench, own: str, offered: list[str], made: str
) -> None:
    system_disk(one, own)
    offer(one, *offered)
    guest_with_disk(one)
    (disk,) = media_disks(one.world.cloud)
    assert disk["Category"] == made
    assert disk["Size"] >= (40 if made == "cloud_auto" else 20)


def test_a_zone_that_offers_no_fitting_category_is_named(one: Bench) -> None:
    offer(one, "cloud_regional_disk_auto")
    made = guest(one)
    with pytest.raises(Permanent) as refused:
        one.until(lambda: attached(one, made))
    assert refused.value.code == "Media.CategoryMissing"
    assert not media_disks(one.world.cloud)


def take(one: Bench, *categories: str) -> None:
    """From now on the instances take only disks of these categories."""
    with one.world.cloud.lock, one.world.cloud.db.transaction():
        service(one.world.cloud, "ecs").world.set_setting("attachable_categories", list(categories))


def require_clean_end(one: Bench, made: Migration) -> None:
    """After the run neither a disk nor a row is left."""
    with_row(one, replace(made, state=State.CANCELLED))
    for _ in range(2):
        leftovers(one)
    assert (media_disks(one.world.cloud), rows(one.ports)) == ([], [])


@pytest.mark.parametrize(("taken", "refused"), [("cloud_auto", 1), ("cloud_essd_entry", 2)])
def test_a_disk_that_the_instance_does_not_take_is_deleted_before_the_next_one_is_made(
    one: Bench, taken: str, refused: int
) -> None:
    take(one, taken)
    made, most = guest(one), 0

    def step() -> str:
        nonlocal most
        found = attached(one, made)
        most = max(most, len(media_disks(one.world.cloud)))
        return found

    disk_id = one.until(step, minutes=12)
    assert [(each["DiskId"], each["Category"]) for each in media_disks(one.world.cloud)] == [(disk_id, taken)]
    assert most == 1
    (row,) = rows(one.ports)
    assert len(row.refused) == refused
    require_clean_end(one, made)


@pytest.mark.parametrize("code", ["InvalidDiskCategory.NotSupported", "ResourcesNotInSameZone"])
def test_other_refusals_of_a_category_or_zone_lead_to_the_next_category_too(one: Bench, code: str) -> None:
    made = guest(one)
    one.faults({"service": "ecs", "operation": "AttachDisk", "kind": "error", "code": code, "status": 403, "times": 1})
    one.until(lambda: attached(one, made), minutes=12)
    assert [each["Category"] for each in media_disks(one.world.cloud)] == ["cloud_auto"]
    require_clean_end(one, made)


def test_an_instance_that_takes_no_category_is_named_and_keeps_no_disk(one: Bench) -> None:
    take(one, "cloud_regional_disk_auto")
    made = guest(one)
    with pytest.raises(Permanent) as refused:
        one.until(lambda: attached(one, made), minutes=12)
    assert refused.value.code == "Media.CategoryMissing"
    assert all(each in refused.value.message for each in ("cloud_essd", "cloud_auto", "cloud_essd_entry", "i-test0001"))
    assert not media_disks(one.world.cloud)
    require_clean_end(one, made)


def test_a_refused_disk_that_the_list_shows_for_a_while_costs_no_second_disk(one: Bench) -> None:
    """ECS may delete a disk only after the answer."""
    take(one, "cloud_auto")
    made = guest(one)
    attached(one, made)
    one.world.run(1)
    with mock.patch.object(one.ports.compute, "delete_disk"):
        for _ in range(3):
            attached(one, made)
            one.world.run(1)
    assert [each["Category"] for each in media_disks(one.world.cloud)] == ["cloud_essd"]
    one.ports.compute.delete_disk(made.region_id, media_disks(one.world.cloud)[0]["DiskId"])
    one.until(lambda: attached(one, made), minutes=12)
    assert [each["Category"] for each in media_disks(one.world.cloud)] == ["cloud_auto"]


class FunctionKilled(BaseException):
    """The platform has ended the function."""


@contextmanager
def killed_at(number: int, *, after: bool) -> Iterator[None]:
    """End the function right before or right after its call with this number, counted from 0, that changes ECS or the table."""
    calls = 0

    def counted(original: Any) -> Any:
        def call(self: Any, *given: Any, **named: Any) -> Any:
            nonlocal calls
            mine, calls = calls, calls + 1
            if mine == number and not after:
                raise FunctionKilled
            answer = original(self, *given, **named)
            if mine == number:
                raise FunctionKilled
            return answer

        return call

    with ExitStack() as stack:
        for owner, name in CHANGES:
            stack.enter_context(mock.patch.object(owner, name, counted(getattr(owner, name))))
        yield


CHANGES = (
    *((EcsCompute, name) for name in ("create_media_disk", "attach_disk", "delete_disk")),
    *((Store, name) for name in ("put_new", "update", "delete")),
)
"""The methods whose calls change something: on the way to the second disk there are nine of them."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(9))
def test_a_function_that_is_killed_at_any_call_leaves_no_disk(one: Bench, number: int, *, after: bool) -> None:
    take(one, "cloud_auto")
    made, kills = guest(one), 0
    with killed_at(number, after=after):
        for _ in range(8):
            try:
                if attached(one, made):
                    break
            except FunctionKilled:
                kills += 1
            one.world.run(1)
    assert kills == 1
    one.until(lambda: attached(one, made))
    assert [each["Category"] for each in media_disks(one.world.cloud)] == ["cloud_auto"]
    require_clean_end(one, made)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(9))
def test_a_run_that_ends_where_its_function_was_killed_leaves_no_disk(one: Bench, number: int, *, after: bool) -> None:
    take(one, "cloud_auto")
    made = guest(one)
    with killed_at(number, after=after), pytest.raises(FunctionKilled):
        one.until(lambda: attached(one, made))
    require_clean_end(one, made)


def test_an_older_version_removes_the_disk_of_a_row_with_a_refusal(one: Bench) -> None:
    """It knows neither column, and compares only the columns that it knows."""
    take(one, "cloud_auto")
    made = guest(one)
    one.until(lambda: attached(one, made), minutes=12)
    with_row(one, replace(made, state=State.CANCELLED))
    read = media_disk_store._media_disk_from_row
    with mock.patch.object(media_disk_store, "_media_disk_from_row", lambda row: replace(read(row), refused=())):
        assert leftovers(one) == 1
    assert (media_disks(one.world.cloud), rows(one.ports)) == ([], [])


def test_without_the_setting_a_process_soon_stops_to_look_and_forgets_no_disk(one: Bench) -> None:
    """The setting was removed while a disk existed."""
    made = guest_with_disk(one)
    with_row(one, replace(made, state=State.CANCELLED))
    without = make_ports("watch", settings(), function_credentials(os.environ, None), CloudClock(one.world))
    assert without.media_disks.may_have_rows()
    for _ in range(12):
        if without.media_disks.may_have_rows():
            remove_leftover_media_disks(without)
        one.world.run(10)
    assert not media_disks(one.world.cloud)
    assert not without.media_disks.may_have_rows()
    assert one.ports.media_disks.may_have_rows(), "with the setting every process looks"
