"""The inventory counts each instance once, by release and place, and keeps the largest groups."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from shared.domain import inventory
from shared.domain.catalog import CATALOG
from shared.domain.codec import decode, encode
from shared.domain.inventory import InstanceCount, InstanceCounter, Inventory

NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)
CENTOS = "CentOS 7.9 64 bit"


def test_instances_are_counted_once_by_release_and_place() -> None:
    count = InstanceCounter(CATALOG)
    for account, region, name in (("", "r1", "i-1"), ("", "r1", "i-1"), ("", "r1", "i-2"), ("9", "r2", "i-1")):
        count.add_instance((account, region, name), CENTOS, CENTOS)
    count.add_instance(("", "r1", "i-3"), "Plan 9", "")
    found = count.inventory(NOW, [("r3", "Cloud.NoAnswer", "silent")])
    name = CATALOG.releases["centos-7"].name
    assert found.groups == (
        InstanceCount("centos-7", name, "", "r1", 2),
        InstanceCount("", "Plan 9", "", "r1", 1),
        InstanceCount("centos-7", name, "9", "r2", 1),
    )
    assert (found.instances, found.lacking) == (4, (("r3", "Cloud.NoAnswer", "silent"),))
    assert [each.key for each in count.releases] == ["centos-7"]
    assert decode(Inventory, encode(found), "inventory") == found


def test_the_smallest_groups_are_left_out_and_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "MOST_GROUPS", 1)
    count = InstanceCounter(CATALOG)
    for number, name in enumerate((CENTOS, CENTOS, "Plan 9 " + "x" * 500)):
        count.add_instance(("", "r1", f"i-{number}"), name, name)
    found = count.inventory(NOW, ())
    assert ([each.instances for each in found.groups], found.instances) == ([2], 3)
