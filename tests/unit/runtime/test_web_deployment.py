"""GET /v1/inventory: the counted fleet, with the dates of the catalog."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.inventory import InstanceCount, Inventory
from shared.domain.ledger import SnapshotState
from shared.domain.migration import first_journal_entry
from shared.stages.api import snapshots
from tests.support.api import ApiInMemory, entry, migration
from tests.support.fakes import NOON


def test_before_the_first_inventory_it_says_so() -> None:
    assert ApiInMemory().call("GET", "/inventory") == (
        200,
        {"accountId": "", "takenAt": None, "instances": 0, "unlisted": 0, "releases": [], "groups": [], "lacking": []},
    )


def test_releases_come_by_their_end_of_support() -> None:
    api = ApiInMemory()
    api.fakes.account_id = "1"
    groups = (
        InstanceCount("rhel-9", "Red Hat Enterprise Linux 9", "", "cn-hangzhou", 50),
        InstanceCount("centos-7", "CentOS 7", "", "cn-hangzhou", 20),
        InstanceCount("centos-7", "CentOS Linux 7", "9", "cn-beijing", 3),
        InstanceCount("", "Plan 9", "", "cn-beijing", 2),
        InstanceCount("own-release-1", "Own 1", "", "cn-beijing", 1),
    )
    api.fakes.inventory.last = Inventory(NOON, 80, groups, (("cn-shanghai", "Cloud.NoAnswer", "no answer"),))
    _, found = api.call("GET", "/inventory")
    assert [(each["release"], each["instances"], each["standing"], each["endsOn"]) for each in found["releases"]] == [
        ("centos-7", 23, "ended", "2024-06-30"),
        ("rhel-9", 50, "supported", "2032-05-31"),
        ("", 2, "unknown", ""),
        ("own-release-1", 1, "unknown", ""),
    ]
    assert (found["instances"], found["unlisted"], found["groups"][1]["accountId"], found["groups"][2]["accountId"]) == (
        80,
        4,
        "1",
        "9",
    )
    assert [bool(each["destinations"]) for each in found["releases"]] == [True, False, False, False]
    assert found["lacking"] == [{"place": "cn-shanghai", "code": "Cloud.NoAnswer", "message": "no answer"}]


def test_an_order_of_states_is_that_of_a_batch() -> None:
    api = ApiInMemory()
    for number in (1, 2):
        made = replace(migration(f"m{number}"), batch_id="b1")
        api.fakes.migrations.create(made, first_journal_entry(made, by="intake", reason="r"), ())
    listed = [
        [each["migrationId"] for each in api.call("GET", "/migrations", query={"batchId": "b1", **order})[1]["migrations"]]
        for order in ({}, {"order": "state"}, {"order": "-state"})
    ]
    assert listed == [["m1", "m2"], ["m1", "m2"], ["m2", "m1"]]
    assert api.refused("GET", "/migrations", query={"order": "-state"}) == (400, "Order.NeedsBatch")


def test_a_snapshot_that_is_gone_costs_nothing() -> None:
    held, swept = (
        snapshots.snapshot_view(entry("m1", "k", state), 0.5, own="1")
        for state in (SnapshotState.ACCOMPLISHED, SnapshotState.SWEPT)
    )
    assert (held.cost_per_month, swept.cost_per_month) == (20, 0)
