"""Catalog rows of the operator's own: known to the notice, the plan, the rules and the validation."""

from __future__ import annotations

import json

from tests.e2e.test_pipeline import acknowledge, only
from tests.support.fleets import fleet, instance
from tests.support.world import World

ROWS = {
    "releases": [
        {
            "key": "house-7",
            "family": "house",
            "version": "7",
            "name": "House Linux 7",
            "os_type": "linux",
            "pattern": "centos (?P<version>7(?:[.][0-9]+)*)",
            "os_release_id": "centos",
            "source": "our own image, ticket 42",
        }
    ],
    "paths": [{"source": "house-7", "destination": "alinux-3", "architecture": "x86_64", "source_document": "ticket 42"}],
    "lifecycle": [{"product": "house-7", "support_end": "2025-01-31", "source": "ticket 42"}],
    "defaults": {"house-7": "alinux-3"},
}


def test_a_release_only_the_operator_knows_goes_all_the_way() -> None:
    with World(env={"REPLANK_CATALOG": json.dumps(ROWS)}).connected() as world:
        world.load_fleet(fleet(instance(1)))
        world.send("replank:OperatingSystem:EndOfLife", {"releases": ["House-7"]})
        world.run_until(lambda: set(world.states().values()) == {"ready"}, minutes=30)
        acknowledge(world, str(world.batches()[0]["batchId"]))
        world.run_until(lambda: only(world)["state"] in ("migrated", "failed"), minutes=8 * 60)
        assert only(world)["state"] == "migrated", only(world)["failure"]
        (hop,) = world.api.get(f"/migrations/{only(world)['migrationId']}")["route"]
        assert (hop["source"], hop["destination"]) == ("house-7", "alinux-3")
