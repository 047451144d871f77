"""A guest's units: acts at the same moment happen in the unit's own order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from localcloud.ecs.detached import Detached


def test_the_last_acts_of_a_unit_are_due_one_after_the_other() -> None:
    """The scheduler may carry out jobs of one moment in any order. A unit that ended first would never restart the guest."""
    due: list[int] = []
    scheduler = SimpleNamespace(at=lambda at, *rest, **more: due.append(at), on=lambda *rest: None)
    cloud = SimpleNamespace(db=SimpleNamespace(put_blob=lambda *rest: None), scheduler=scheduler, outside={})
    world: Any = SimpleNamespace(cloud=cloud, now=1000)
    recorder: Any = SimpleNamespace(steps=[(0, {}, ""), (5, {}, ""), (5, {}, "reboot"), (5, {}, "end"), (6, {}, "")])
    runs: Any = SimpleNamespace(host=None)
    power: Any = SimpleNamespace(booted=None)
    Detached(world, runs, power)._schedule({"instance": "i-1"}, recorder)
    assert due == [1000, 1005, 1006, 1007, 1008]
