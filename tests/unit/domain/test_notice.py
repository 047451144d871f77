"""Notices: what a notice asks for, and which notices the calendar produces."""

from datetime import datetime, timezone
from typing import Any

import pytest

from shared.domain.catalog import identify_release
from shared.domain.errors import Refused, ReplankError
from shared.domain.notice import due_notices, is_wanted_release, parse_notice, parse_notice_policy
from shared.domain.policy import BOUNDS, parse_policy

WINDOW = [(name.partition(".")[2], most) for name, (_, most) in BOUNDS.items() if "." in name]
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)


def test_a_notice_by_name_or_key_covers_the_same_release() -> None:
    assert parse_notice({"releases": ["CentOS 7"]}).releases == parse_notice({"releases": ["centos-7"]}).releases == ("centos-7",)


def test_a_windows_product_covers_its_editions() -> None:
    notice = parse_notice({"releases": ["Windows Server 2008 R2"]})
    enterprise = identify_release(
        "Windows Server  2008 R2 企业版 64位中文版", "Windows Server 2008 R2 Enterprise Edition 64 bit Chinese Edition"
    )
    assert enterprise is not None
    assert is_wanted_release(enterprise, notice.releases)
    centos = identify_release("CentOS  7.9 64位")
    assert centos is not None
    assert not is_wanted_release(centos, notice.releases)


NO_INSTANCE_IDS: list[Any] = ["", "i-", "i-a b", "../x", 7, None, {}, "i-" + "x" * 63]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"releases": []},
        {"releases": ["Plan 9"]},
        {"releases": "CentOS 7"},
        {"releases": ["CentOS 7"], "speed": 1},
        *({"releases": ["CentOS 7"], "instanceIds": [each]} for each in NO_INSTANCE_IDS),
        {"releases": ["CentOS 7"], "instanceIds": [f"i-{number}" for number in range(1001)]},
        *({"releases": ["CentOS 7"], "endOfSupport": each} for each in ("soon", 7, "2024-13-01", "")),
        {"releases": ["CentOS 7"], "regionIds": "cn-hangzhou"},
        *({"releases": ["CentOS 7"], "regionIds": [each]} for each in ("", "evil.example/", "cn-hangzhou.evil", "CN-x", 7, None)),
    ],
)
def test_a_notice_that_makes_no_sense_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(Refused):
        parse_notice(data)


@pytest.mark.parametrize(
    "extra",
    [
        *({"policy": {name: value}} for name, value in (("check", "id"), ("files", ["/etc/shadow"]), ("overrides", {}))),
        *({"policy": {name: True}} for name in ("allowEndOfLife", "allowListed")),
        {"policy": {"driver": "console"}},
        {"policy": {}},
        {"destination": "alinux-3"},
        {"check": "id"},
        {"dryRun": True},
    ],
)
def test_a_notice_says_what_is_concerned_and_never_what_is_done(extra: dict[str, object]) -> None:
    with pytest.raises(Refused) as caught:
        parse_notice({"releases": ["CentOS 7"], **extra})
    assert caught.value.code == "Notice.FieldNotAllowed"
    assert next(iter(extra)) in caught.value.message


def test_what_the_inventory_publishes_is_read() -> None:
    released = identify_release("CentOS  7.9 64位")
    assert released is not None
    (event,) = due_notices([released], NOW)
    assert parse_notice(event.data).releases == ("centos-7",)


def test_a_notice_may_name_instances_each_once() -> None:
    notice = parse_notice({"releases": ["CentOS 7"], "regionIds": ["cn-hangzhou"], "instanceIds": ["i-a", "i-b", "i-a"]})
    assert (notice.regions, notice.instance_ids) == (("cn-hangzhou",), ("i-a", "i-b"))


def test_the_deployments_policy_for_notices_holds_limits_alone() -> None:
    assert parse_notice_policy({"driver": "console", "maxMoving": 2}).driver == "console"
    for name, value in (("check", "id"), ("files", []), ("overrides", {}), ("allowEndOfLife", False), ("allowListed", False)):
        with pytest.raises(Refused, match=name):
            parse_notice_policy({name: value})


def test_a_policy_in_the_apis_spelling_is_read() -> None:
    policy = parse_policy({"maxMoving": 2, "retentionDays": 1, "window": {"start": "22:00", "end": "04:00", "utcOffsetMin": -60}})
    assert (policy.max_moving, policy.retention_days) == (2, 1)
    assert policy.window is not None
    assert policy.window.utc_offset_min == -60


@pytest.mark.parametrize(
    "window",
    [
        {"start": "22:00", "end": "22:30"},
        {"start": "23:45", "end": "00:15", "cutoffMin": 30},
        {"start": "22:00", "end": "04:00", "days": []},
        {"start": "22:00", "end": "04:00", "days": [7]},
    ],
)
def test_a_window_that_never_opens_is_refused(window: dict[str, object]) -> None:
    with pytest.raises(Refused) as caught:
        parse_policy({"window": window})
    assert caught.value.code == "Policy.Invalid"


def test_a_window_that_opens_for_a_minute_or_all_day_is_taken() -> None:
    assert parse_policy({"window": {"start": "22:00", "end": "23:01"}}).window is not None
    assert parse_policy({"window": {"start": "22:00", "end": "22:00"}}).window is not None


@pytest.mark.parametrize(
    "policy",
    [
        *({name: most + 1} for name, (_, most) in BOUNDS.items() if "." not in name),
        *({"window": {"start": "22:00", "end": "04:00", name: most + 1}} for name, most in WINDOW),
        {"maxMoving": 0},
        {"retentionDays": 0},
        {"window": {"start": "22:00", "end": "04:00", "utcOffsetMin": 10**20}},
        {"driver": "magic"},
        {"window": {"start": "noon", "end": "1"}},
    ],
)
def test_a_policy_out_of_bounds_is_refused(policy: dict[str, object]) -> None:
    with pytest.raises(Refused):
        parse_policy(policy)


def test_the_calendar_speaks_of_what_is_out_of_support_once_a_month() -> None:
    running = [identify_release("CentOS  7.9 64位"), identify_release("Alibaba Cloud Linux  3.2104 LTS 64位")]
    notices = due_notices([each for each in running if each], NOW)
    assert [(each.event_id, each.data["releases"]) for each in notices] == [("eol-centos-7-2026-11", ["centos-7"])]
    assert due_notices([each for each in running if each], NOW.replace(day=1))[0].event_id == notices[0].event_id


def test_files_and_a_check_are_read() -> None:
    policy = parse_policy({"files": ["/etc/my app.conf", "C:\\app\\app.ini"], "check": "curl -fs http://localhost/health"})
    assert policy.files == ("/etc/my app.conf", "C:\\app\\app.ini")
    assert policy.check == "curl -fs http://localhost/health"


@pytest.mark.parametrize(
    "policy",
    [
        {"files": ["etc/passwd"]},
        {"files": ["/etc/"]},
        {"files": ["/etc/a\nb"]},
        {"files": ["/etc/\ud800"]},
        {"files": [f"/etc/{number}" for number in range(21)]},
        {"files": ["/" + "'" * 600]},
        {"check": "true\nfalse"},
        {"check": "x" * 501},
        {"check": "\ud800"},
        {"check": 1},
    ],
)
def test_what_the_probe_cannot_carry_is_refused(policy: dict[str, object]) -> None:
    with pytest.raises(ReplankError):
        parse_policy(policy)
