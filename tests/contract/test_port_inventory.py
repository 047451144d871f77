"""The inventory against the local cloud: the daily listing stores one row, which the API reads in one call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

from shared.domain.errors import Permanent
from shared.domain.message import Message
from shared.stages import intake
from shared.stages.api.inventory import inventory_view
from tests.support.fakes import FakeBus
from tests.support.fleets import fleet, instance
from tests.support.ports import Bench, bench


def take_inventory(one: Bench, **more: Any) -> Any:
    return intake.handle_message(Message("", "e", "timer", {}), replace(one.ports, bus=FakeBus(), **more))


def test_the_daily_listing_stores_what_it_counted() -> None:
    with bench("intake") as one:
        assert one.ports.inventory.last_inventory() is None
        one.world.load_fleet(fleet(*(instance(number) for number in (1, 2, 3))))
        take_inventory(one)
        calls = one.calls(lambda: inventory_view(one.ports))
        assert calls == ["GetRow"]
        found = inventory_view(one.ports)
        assert (found.instances, [(each.release, each.instances) for each in found.releases]) == (3, [("centos-7", 3)])
        one.world.load_fleet(fleet(instance(1)))
        take_inventory(one)
        assert inventory_view(one.ports).instances == len(one.world.inventory()["instances"])


def test_notices_go_out_although_the_inventory_is_not_stored() -> None:
    with bench("intake") as one:
        one.world.load_fleet(fleet(instance(1)))
        refusing = mock.Mock()
        refusing.write_inventory.side_effect = Permanent("Store.Denied", "no permission", "Update the stack.")
        assert take_inventory(one, inventory=refusing).facts["notices"] == 1
