"""More deliberate bugs: patches of the product for the table of mutants. A function that is renamed makes its patch fail loudly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

from shared.adapters.compute import Ecs
from shared.domain import acts
from shared.domain.errors import Permanent
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.migration import Migration
from shared.ports.compute import FoundInstance
from shared.stages import intake, migrate, snapshot, watch
from tests.simulation.scenario import Scenario

Patch = Any


def old_snapshots_used() -> list[Patch]:
    """A retry takes the finished snapshots of the attempt before."""
    asked = snapshot._asked

    def reused(migration: Migration, disk_id: str, noted: Any, ports: Any) -> LedgerEntry:
        made = ports.ledger.of_migration(migration.migration_id)
        same = [each for each in made if (each.disk_id, each.hop, each.owner) == (disk_id, migration.hop, "replank")]
        old = [each for each in same if each.state is SnapshotState.ACCOMPLISHED]
        return old[0] if old and migration.attempt > 1 else asked(migration, disk_id, noted, ports)

    return [mock.patch.object(snapshot, "_asked", reused), mock.patch.object(migrate, "_safe_to_move")]


def one_disk_snapshotted() -> list[Patch]:
    """Only the first disk of an instance gets a snapshot."""
    drive = snapshot._drive

    def first_only(migration: Migration, ports: Any, *, begun: bool) -> Any:
        return drive(replace(migration, disks=migration.disks[:1]), ports, begun=begun)

    return [mock.patch.object(snapshot, "_drive", first_only), mock.patch.object(migrate, "_safe_to_move")]


def no_text() -> list[Patch]:
    """An acknowledgement does not keep what was acknowledged."""
    return [mock.patch.object(acts, "RISKS", ())]


def never_sent_again() -> list[Patch]:
    """What a crash left in an outbox stays there."""
    return [mock.patch.object(watch, "settle_all", return_value=True)]


def one_more() -> list[Patch]:
    """Intake takes one instance more than the batch names."""
    create = intake._create

    def more(instances: list[FoundInstance], batch: Any, ports: Any) -> None:
        there = ports.compute.find(batch.selection.regions[0], token="").instances
        named = {each.instance_id for each in instances}
        create([*instances, *[each for each in there if each.instance_id not in named][:1]], batch, ports)

    return [mock.patch.object(intake, "_create", more)]


def denial_ignored() -> list[Patch]:
    """What the role may not do is taken for done."""
    reset = Ecs.reset_disk

    def tolerant(self: Ecs, *arguments: Any) -> None:
        try:
            reset(self, *arguments)
        except Permanent as error:
            if not error.code.startswith(("Forbidden", "NoPermission")):
                raise

    return [mock.patch.object(Ecs, "reset_disk", tolerant)]


# Weather ------------------------------------------------------------------------------------------------------------


def two_disks(scenario: Scenario) -> Scenario:
    """Every instance has a data disk."""
    records = scenario.fleet["pages"][0]["Instances"]["Instance"]
    guests = {each["InstanceId"]: {"disks": [{}, {"size_gib": 20}]} for each in records}
    return replace(scenario, fleet={**scenario.fleet, "guests": guests})


def failing_snapshots(scenario: Scenario) -> Scenario:
    """Two disks each, snapshots that fail, and people who try again."""
    rates = {"snapshot_fails": 0.5, "person": 0.9}
    return replace(two_disks(scenario), rates=rates, chaos_min=180, prompt=True)


def denied(scenario: Scenario) -> Scenario:
    """Permissions come and go while people change their minds."""
    rates = {"denied": 0.08, "person": 0.9}
    return replace(two_disks(scenario), rates=rates, chaos_min=180, prompt=True)


def crashing(scenario: Scenario) -> Scenario:
    """Functions die right after every tenth call."""
    return replace(scenario, rates={"kill_after": 0.1, "person": 0.3}, chaos_min=120, prompt=True)
