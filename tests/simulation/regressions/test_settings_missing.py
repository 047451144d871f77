"""An unpublished value of SMC that the settings lack: the precheck says so, before anything is made for the instance."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulation.regressions.test_rollback import ID, act, migration, reach
from tests.support.fleets import CENTOS_7, WINDOWS_2008, fleet, instance
from tests.support.world import World

ONE_VALUE = {"REPLANK_SMC_TARGET_VALUES": json.dumps({"alinux-3": "Alibaba Cloud Linux 3", "windows-2012r2-datacenter": "x"})}


@pytest.mark.parametrize(
    ("names", "destination", "missing"),
    [
        (CENTOS_7, "anolis-8", "REPLANK_SMC_TARGET_VALUES (the value for anolis-8)"),
        (WINDOWS_2008, "windows-2019-datacenter", "REPLANK_SMC_TARGET_VALUES (the value for windows-2019-datacenter)"),
    ],
    ids=["the only hop", "the second of two hops"],
)
def test_no_snapshot_is_made_for_a_destination_whose_value_is_missing(
    names: tuple[str, str, str], destination: str, missing: str
) -> None:
    with World(env=ONE_VALUE).connected() as world:
        refused = begin(world, names, destination)
        assert (refused["state"], refused["failure"]["code"]) == ("precheck_failed", "Driver.SettingMissing")
        assert missing in refused["failure"]["message"]
        assert not world.inventory()["snapshots"]
        act(world, "cancellation")
        assert reach(world, "cancelled")["state"] == "cancelled"


def test_the_import_command_of_the_other_system_is_not_enough() -> None:
    with World(env={"REPLANK_SMC_IMPORT_WINDOWS": ""}).connected() as world:
        refused = begin(world, WINDOWS_2008, "windows-2012r2-datacenter")
        assert refused["failure"]["code"] == "Driver.SettingMissing"
        assert "REPLANK_SMC_IMPORT_WINDOWS" in refused["failure"]["message"]
        assert not world.inventory()["snapshots"]


def begin(world: World, names: tuple[str, str, str], destination: str) -> dict[str, Any]:
    """The migration after its precheck. Its batch was acknowledged at once, so nothing else holds the snapshots back."""
    world.load_fleet(fleet(instance(1, names)))
    policy = {"driver": "smc", "allowEndOfLife": True}
    batch_id = str(world.api.post("/batches", {"instanceIds": [ID], "destination": destination, "policy": policy})["batchId"])
    world.run_until(lambda: bool(world.batches()[0]["state"] == "open"), minutes=10)
    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": world.api.get("/risks")["version"]})
    world.run(20)
    return migration(world)
