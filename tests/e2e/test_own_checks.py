"""What the operator names beside the rules: files to be compared, a command to be run, findings to be overridden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from shared.domain.guest import GuestFacts
from shared.probes import parse_probe_answer
from tests.e2e.test_pipeline import migrate, only, submit
from tests.support.fleets import fleet, instance
from tests.support.world import World

NOTES = {"disks": [{"size_gib": 40, "mount": "/", "used_gib": 8.0, "files": {"srv/notes.txt": "kept\n"}}]}


@pytest.fixture
def world() -> Iterator[World]:
    with World().connected() as connected:
        connected.load_fleet(fleet(instance(1), guests={"i-test0001": NOTES}))
        yield connected


def ended(world: World, **policy: Any) -> dict[str, Any]:
    """Migrate with this policy and wait for the judgement."""
    migrate(world, "i-test0001", policy=policy)
    world.run_until(lambda: only(world)["state"] in ("migrated", "failed"), minutes=8 * 60)
    return only(world)


def test_a_file_that_stays_and_a_check_that_passes_let_the_migration_pass(world: World) -> None:
    check = 'grep -q kept "${GUEST_ROOT:-}/srv/notes.txt" && echo "it\'s there"'
    found = ended(world, files=["/srv/notes.txt"], check=check)
    assert found["state"] == "migrated", found["failure"]
    commands = [record for record in world.cloud.calls.newest if record.operation == "RunCommand"]
    assert commands, "the probe was sent"


def test_a_file_that_changes_fails_the_validation(world: World) -> None:
    found = ended(world, files=["/srv/notes.txt", "/etc/os-release"])
    assert (found["state"], found["failure"]["code"]) == ("failed", "Validation.FileChanged")
    assert "/etc/os-release" in found["failure"]["message"]
    assert "notes.txt" not in found["failure"]["message"]


def test_a_check_that_fails_only_afterwards_fails_the_validation(world: World) -> None:
    found = ended(world, check='grep -q CentOS "${GUEST_ROOT:-}/etc/os-release" || { echo "where is CentOS?"; exit 3; }')
    assert (found["state"], found["failure"]["code"]) == ("failed", "Validation.CheckFailed")
    assert "exit status 3: where is CentOS?" in found["failure"]["message"]


def test_a_check_that_failed_before_is_a_warning(world: World) -> None:
    found = ended(world, check="exit 4")
    assert found["state"] == "migrated", found["failure"]
    detail = world.api.get(f"/migrations/{found['migrationId']}")
    assert "Validation.CheckFailedBefore" in {finding["code"] for finding in detail["findings"]}


def test_nothing_is_judged_while_the_package_manager_still_runs(world: World) -> None:
    busy = [True, True]

    def answered(*given: Any, **more: Any) -> GuestFacts:
        facts = parse_probe_answer(*given, **more)
        if facts.os_id != "alinux" or facts.linux is None or not busy:
            return facts
        return replace(facts, linux=replace(facts.linux, package_manager_busy=busy.pop()))

    with mock.patch("shared.stages.probe.parse_probe_answer", answered):
        assert ended(world)["state"] == "migrated"
    assert not busy
    lines = world.api.get(f"/migrations/{only(world)['migrationId']}/journal")["lines"]
    reasons = [line["reason"] for line in lines]
    assert reasons.count("not yet: the package manager is still busy") == 2, reasons


def refused_or_ready(world: World, **policy: Any) -> dict[str, Any]:
    """The newest migration, once its precheck has ended."""
    batch_id = submit(world, "i-test0009", policy=policy)

    def found() -> list[dict[str, Any]]:
        return [each for each in world.migrations(batchId=batch_id) if each["state"] in ("ready", "precheck_failed")]

    world.run_until(lambda: bool(found()), minutes=30)
    return dict(world.api.get(f"/migrations/{found()[0]['migrationId']}"))


def test_an_overridable_finding_is_overridden_by_name_and_with_a_reason() -> None:
    with World().connected() as world:
        world.load_fleet(fleet(instance(9, SpotStrategy="SpotAsPriceGo")))
        assert refused_or_ready(world)["failure"]["code"] == "Instance.Spot"
        other = refused_or_ready(world, overrides={"Instance.Locked": "not this one"})
        assert other["state"] == "precheck_failed"
        taken = refused_or_ready(world, overrides={"Instance.Spot": "bid is above the market, ticket 7"})
        assert (taken["state"], taken["blocked"]) == ("ready", False)
        report = world.api.get(f"/migrations/{taken['migrationId']}/report")["judgement"]
        assert report["precheck"]["overrides"] == {"Instance.Spot": "bid is above the market, ticket 7"}
        assert "Instance.Spot" in {finding["code"] for finding in report["precheck"]["findings"]}


def test_an_error_cannot_be_overridden() -> None:
    with World().connected() as world:
        world.load_fleet(fleet(instance(9, Status="Stopped")))
        found = refused_or_ready(world, overrides={"Instance.NotRunning": "it will be"})
        assert (found["state"], found["failure"]["code"]) == ("precheck_failed", "Instance.NotRunning")


def test_an_automatic_snapshot_that_is_due_soon_blocks() -> None:
    policies = {"sp-1": {"TimePoints": str(list(range(24))), "RepeatWeekdays": "[1, 2, 3, 4, 5, 6, 7]"}}
    disks = [{"size_gib": 40, "mount": "/", "used_gib": 8.0, "auto_snapshot_policy": "sp-1"}]
    with World().connected() as world:
        world.load_fleet(fleet(instance(9), guests={"i-test0009": {"disks": disks}}, faults={"auto_snapshot_policies": policies}))
        found = refused_or_ready(world)
        assert (found["state"], found["failure"]["code"]) == ("precheck_failed", "Instance.AutoSnapshotCollides")
        assert "next automatic snapshot" in found["failure"]["message"]
