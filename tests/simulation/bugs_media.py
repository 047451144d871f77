"""Deliberate bugs around the media disks of Windows, and the scenario in which they show."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any
from unittest import mock

from shared.adapters import tables
from shared.adapters.compute import EcsCompute
from shared.adapters.media_disks import TablestoreMediaDisks, _columns_of, _key_of, _require_snapshot
from shared.domain.media import media_disk_token
from tests.simulation import tools
from tests.simulation.scenario import Scenario
from tests.simulation.weather import unlimited, with_policy

Patch = Any


def by_setup(scenario: Scenario) -> Scenario:
    """Every instance runs Windows, and Windows Setup moves it. Answers are lost, and people act."""
    wide = with_policy(unlimited(scenario), check=None, commands=None)
    records = wide.fleet["pages"][0]["Instances"]["Instance"]
    rng = random.Random(f"setup:{scenario.seed}")
    for each in records:
        tools.run_windows(each, rng.choice(tools.OF_WINDOWS))
    batches = tuple(replace(each, request=tools.by_tool(each.request, records)) for each in wide.batches)
    rates = {"drop_after": 0.08, "kill_after": 0.05, "person": 0.3}
    return replace(wide, batches=batches, fleet={**wide.fleet, "guests": {}}, rates=rates, chaos_min=120, prompt=True)


def forgotten_after_failures(scenario: Scenario) -> Scenario:
    """The same scenario; many Setups fail, and afterwards nobody decides anything for days.

    The driver takes only the first step of removing the disk of a failed run. A person's act would take the others.
    """
    wide = by_setup(scenario)
    records = wide.fleet["pages"][0]["Instances"]["Instance"]
    guests: dict[str, Any] = {}
    for place, each in enumerate(records):
        ends = tools.ends(each["InstanceId"], each["OSName"])
        tools.fail(guests, each["InstanceId"], ends[place % len(ends)])
    return replace(wide, fleet={**wide.fleet, "guests": guests}, rates={**wide.rates, "person": 0.05}, forgetful=True)


def disk_left() -> list[Patch]:
    """A media disk counts as removed, and nobody has removed it."""
    return [mock.patch.object(TablestoreMediaDisks, "is_disk_removed", return_value=True)]


def disk_unwritten() -> list[Patch]:
    """The row of a media disk is written only after the disk was requested."""

    def create_first(self: Any, row: Any, compute: Any) -> None:
        disk_id = compute.create_media_disk(row, _require_snapshot(row, compute), token=media_disk_token(row))
        self._store.put_new(tables.LOCKS, _key_of(row), _columns_of(replace(row, disk_id=disk_id)))

    return [
        mock.patch.object(TablestoreMediaDisks, "_put_new", return_value=True),
        mock.patch.object(TablestoreMediaDisks, "_create_disk", create_first),
        # A later row with the same name would remove the disk too, and hide the bug.
        mock.patch.object(EcsCompute, "media_disks_of_migration", return_value=()),
    ]


def leftovers_overlooked() -> list[Patch]:
    """The tick never looks for media disks that no run needs."""
    return [mock.patch("shared.stages.media_disks.remove_leftover_media_disks", return_value=0)]
