"""The inventory page: releases with their end of support, their regions, and a link to a plan."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from console.texts import FOLDER
from tests.unit.console.test_console import HOSTILE, ApiTable, ask

RELEASES = [
    {"release": "centos-7", "name": "CentOS 7", "standing": "ended", "endsOn": "2024-06-30", "destinations": ["alinux-3"]},
    {"release": "rhel-7", "name": "RHEL 7", "standing": "extended", "endsOn": "2024-06-30", "destinations": ["rhel-8"]},
    {"release": "rhel-9", "name": "RHEL 9", "standing": "supported", "endsOn": "2032-05-31", "destinations": []},
    {"release": "", "name": HOSTILE, "standing": "unknown", "endsOn": "", "destinations": []},
]
GROUPS = [
    ("centos-7", "CentOS 7", "1", "cn-hangzhou", 500),
    ("centos-7", "CentOS 7", "2", "cn-beijing", 30),
    ("rhel-7", "RHEL 7", "1", "cn-hangzhou", 7),
    ("rhel-9", "RHEL 9", "1", "cn-hangzhou", 40),
    ("", HOSTILE, "1", "cn-hangzhou", 2),
]
FOUND: dict[str, Any] = {
    "accountId": "1",
    "takenAt": "2026-11-23T01:00:00Z",
    "instances": 579,
    "unlisted": 0,
    "releases": [{**each, "instances": 0, "extendedEnd": "", "source": "s"} for each in RELEASES],
    "groups": [dict(zip(("release", "system", "accountId", "regionId", "instances"), each, strict=True)) for each in GROUPS],
    "lacking": [],
}


def page(path: str = "/console/inventory", **more: Any) -> tuple[str, ApiTable]:
    api = ApiTable(**{"GET /inventory": (200, {**FOUND, **more})})
    status, body, _ = ask(api, "GET", path)
    assert status == 200
    return body, api


def plans(body: str) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(unescape(each)).query) for each in re.findall(r'href="(/console/plan\?[^"]+)"', body)]


def test_each_release_has_its_end_its_bar_and_the_form_of_its_plan() -> None:
    body, api = page()
    assert len(api.sent) == 1, "one question to the API"
    assert plans(body) == [
        {"releases": ["centos-7"], "regionIds": ["cn-beijing, cn-hangzhou"], "accountIds": ["1, 2"]},
        {"releases": ["rhel-7"], "regionIds": ["cn-hangzhou"]},
    ]
    assert (body.count('<svg class="bar"'), "2032-05-31" in body, "<script>alert" in body) == (4, True, False)
    assert "579 instances; 537 of them" in body
    places = re.findall(r'region=([\w-]+)">.*?<td>(\d+)</td><td class="number">(\d+)</td><td class="number">(\d+)', body)
    assert places == [("cn-hangzhou", "1", "549", "507"), ("cn-beijing", "2", "30", "30")]


def test_a_region_or_an_account_alone_is_counted_and_planned_alone() -> None:
    body, _ = page("/console/inventory?account=2")
    assert plans(body) == [{"releases": ["centos-7"], "regionIds": ["cn-beijing"], "accountIds": ["2"]}]
    assert "30 instances; 30 of them" in body
    body, _ = page("/console/inventory?region=nowhere")
    assert "No instance was found" in body


def test_what_could_not_be_listed_is_said() -> None:
    lacking = [{"place": "cn-shanghai", "code": "Cloud.NoAnswer", "message": HOSTILE}]
    body, _ = page(lacking=lacking, unlisted=3)
    assert ("cn-shanghai" in body, "3 instances are in groups too small" in body, "<script>alert" in body) == (True, True, False)


def test_before_the_first_inventory_it_says_when_that_is() -> None:
    body, _ = page(takenAt=None, instances=0, releases=[], groups=[])
    assert "01:00 UTC" in body
    assert "<table" not in body


def test_the_groups_are_a_file_too() -> None:
    body, _ = page("/console/inventory?format=csv&region=cn-beijing")
    assert body.splitlines()[1:] == ["centos-7,CentOS 7,ended,2024-06-30,,2,cn-beijing,30"]


def test_an_error_of_the_api_is_a_page() -> None:
    status, body, _ = ask(ApiTable(), "GET", "/console/inventory")
    assert (status, "Route.NotFound" in body) == (404, True)


def test_the_largest_fleet_is_a_small_page() -> None:
    groups = [
        {"release": "centos-7", "system": "CentOS 7", "accountId": f"{number:016}", "regionId": "cn-hangzhou", "instances": 9}
        for number in range(1000)
    ]
    unknown = [
        {"release": "", "system": f"{number} {HOSTILE}"[:128], "accountId": "1", "regionId": "cn-hangzhou", "instances": 1}
        for number in range(1000)
    ]
    releases = [*FOUND["releases"][:1], *({**FOUND["releases"][3], "name": each["system"]} for each in unknown)]
    body, _ = page(groups=[*groups, *unknown], releases=releases)
    assert (len(body.encode()) < 150_000, "first 100 releases" in body) == (True, True)
    assert FOLDER.joinpath("inventory.json").is_file()
