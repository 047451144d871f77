"""Whether a selection includes an instance, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.batch import NOTHING_EXCLUDED, Exclusion, Selection
from shared.domain.catalog import CATALOG
from shared.domain.chosen import selection_digest
from shared.domain.selecting import EXCLUDED, OTHER, InstanceTraits, digest_of_instances, matches_pattern, selection_result

REGION = ("cn-hangzhou",)
WEB = InstanceTraits(
    "i-1", "web-1", "CentOS 7.9", CATALOG.releases["centos-7"], {"env": "prod", "team": "网络"}, "rg-front", "vpc-a"
)
OTHER_SYSTEM = replace(WEB, release=None, system="Debian 12")


def judged(selection: dict[str, Any], traits: InstanceTraits = WEB) -> tuple[str, str] | None:
    chosen = Selection(REGION, **selection)
    return selection_result(chosen, frozenset(chosen.instance_ids), traits)


@pytest.mark.parametrize(
    "selection",
    [
        {"instance_ids": ("i-1",)},
        {"releases": ("centos-7",)},
        {"releases": ("centos",)},
        {"tags": ("env=prod",)},
        {"tags": ("env", "team=网络")},
        {"resource_groups": ("rg-front", "rg-other")},
        {"vpcs": ("vpc-a",)},
        {"names": ("db-*", "web-*")},
        {"instance_ids": ("i-1",), "tags": ("env=prod",), "releases": ("centos-7",)},
        {"tags": ("env=prod",), "exclude": Exclusion(tags=("env=test",), names=("db-*",), vpcs=("vpc-b",))},
    ],
)
def test_an_instance_that_meets_every_criterion_is_chosen(selection: dict[str, Any]) -> None:
    assert judged(selection) == ("", "")


@pytest.mark.parametrize(
    "selection",
    [
        {},
        {"exclude": Exclusion(tags=("env=test",))},
        {"instance_ids": ("i-2",)},
        {"releases": ("rhel-7",)},
        {"tags": ("env=prod", "tier")},
        {"tags": ("env=Prod",)},
        {"resource_groups": ("rg-other",)},
        {"vpcs": ("vpc-b",), "releases": ("centos-7",)},
        {"names": ("web",)},
    ],
)
def test_what_the_selection_is_not_about_is_neither_chosen_nor_listed(selection: dict[str, Any]) -> None:
    assert judged(selection) is None


@pytest.mark.parametrize(
    ("selection", "code", "why"),
    [
        ({"exclude": Exclusion(instance_ids=("i-1",))}, EXCLUDED, "its id is excluded"),
        ({"exclude": Exclusion(tags=("tier", "env"))}, EXCLUDED, "tag env is excluded"),
        ({"exclude": Exclusion(resource_groups=("rg-front",))}, EXCLUDED, "resource group rg-front is excluded"),
        ({"exclude": Exclusion(vpcs=("vpc-a",))}, EXCLUDED, "VPC vpc-a is excluded"),
        ({"exclude": Exclusion(names=("*-1",))}, EXCLUDED, "name *-1 is excluded"),
        ({"exclude": Exclusion(releases=("centos",))}, EXCLUDED, "release centos-7 is excluded"),
        ({"releases": ("rhel-7",)}, OTHER, "it runs CentOS 7.9, which the selection does not name"),
        ({"instance_ids": ("i-1",), "tags": ("tier=1",)}, OTHER, "it has no tag tier=1"),
        ({"instance_ids": ("i-1",), "vpcs": ("vpc-b",)}, OTHER, "it is in VPC vpc-a"),
        ({"instance_ids": ("i-1",), "resource_groups": ("rg-b",)}, OTHER, "it is in resource group rg-front"),
        ({"instance_ids": ("i-1",), "names": ("db-*",)}, OTHER, "its name 'web-1' fits no pattern"),
    ],
)
def test_what_is_left_out_is_told_with_the_reason(selection: dict[str, Any], code: str, why: str) -> None:
    assert judged({"tags": ("env=prod",), **selection}) == (code, why)


def test_a_system_outside_the_catalog_meets_no_release() -> None:
    assert judged({"tags": ("env",), "releases": ("centos-7",)}, OTHER_SYSTEM) is not None
    assert judged({"tags": ("env",), "exclude": Exclusion(releases=("centos-7",))}, OTHER_SYSTEM) == ("", "")


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("web", "web", True),
        ("web", "web-1", False),
        ("*", "", True),
        ("web-*", "Web-1", False),
        ("*-1", "a-1-1", True),
        ("a*a", "a", False),
        ("a*b*c", "axxbxxc", True),
        ("a*b*c", "axxcxxb", False),
        ("we?[b]", "we?[b]", True),
        ("前端-*", "前端-一", True),
    ],
)
def test_a_pattern_knows_the_asterisk_only(pattern: str, name: str, expected: bool) -> None:
    assert matches_pattern(pattern, name) is expected


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_patterns_agree_with_those_of_a_shell(pattern: str, name: str) -> None:
    from fnmatch import fnmatchcase

    assert matches_pattern(pattern, name) == fnmatchcase(name, pattern)


def test_every_part_of_a_selection_is_part_of_its_digest() -> None:
    plain = Selection(REGION, ("i-1",))
    parts: dict[str, Any] = dict.fromkeys(("releases", "accounts", "tags", "resource_groups", "vpcs", "names"), ("x",))
    of_exclusion = [Exclusion(**{name: ("x",)}) for name in vars(NOTHING_EXCLUDED)]
    others = [replace(plain, **{name: value}) for name, value in parts.items()]
    others += [replace(plain, exclude=each) for each in of_exclusion]
    assert len({selection_digest(each) for each in (plain, *others)}) == 1 + len(parts) + len(of_exclusion)


def test_the_digest_of_the_instances_ignores_their_order_only() -> None:
    one, two = ("", "cn-hangzhou", "i-1"), ("1234567890123456", "cn-hangzhou", "i-1")
    assert digest_of_instances([one, two]) == digest_of_instances([two, one])
    assert len({digest_of_instances(each) for each in ([one], [two], [one, two], [])}) == 4
