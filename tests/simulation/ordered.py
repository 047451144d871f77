"""A deliberate bug in the order of starts, and the scenario in which it shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

from shared.stages import offers
from tests.simulation.scenario import Scenario, by_turn
from tests.simulation.weather import unlimited, with_policy

Patch = Any


def order_ignored() -> list[Patch]:
    """The migration that has waited longest starts first, whatever the policy says."""
    return [mock.patch.object(offers, "_ids_in_order_of_policy", lambda ids, *_: ids)]


def by_turns(scenario: Scenario) -> Scenario:
    """Every batch has an order by a tag. One instance moves at a time, and there are no faults."""
    page = scenario.fleet["pages"][0]
    records = [dict(each) for each in page["Instances"]["Instance"]]
    alone = with_policy(unlimited(scenario), maxMoving=1, waves=None, group=None, blackouts=None, approvals=None)
    free = with_policy(alone, maxMovingPerRegion=None, maxMovingPerWave=None, commands=None, windows=None)
    batches = tuple(by_turn(each, records) for each in free.batches[:1])
    fleet = {**scenario.fleet, "guests": {}, "pages": [{**page, "Instances": {"Instance": records}}]}
    return replace(free, fleet=fleet, batches=batches, rates={"person": 0.05}, prompt=True)
