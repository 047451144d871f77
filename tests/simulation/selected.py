"""Deliberate bugs in the selection of instances, and the scenarios in which they show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

from shared.domain import selecting
from shared.ports.compute import NO_FILTER
from shared.stages import intake, precheck
from tests.simulation.scenario import Scenario, by_name, by_pattern, by_resource_group, by_tag, by_vpc

Patch = Any


def exclusion_ignored() -> list[Patch]:
    """Excluded instances are selected all the same, and the precheck does not notice."""
    unseen = mock.patch.object(precheck, "why_not_selected", return_value="")
    return [mock.patch.object(selecting, "reason_to_exclude", return_value=""), unseen]


def tags_ignored() -> list[Patch]:
    """Neither ECS nor intake checks the tags."""
    return [mock.patch.object(selecting, "unmet_criterion", return_value=""), _no_sieve()]


def names_ignored() -> list[Patch]:
    """Every name matches."""
    return [mock.patch.object(selecting, "matches_pattern", return_value=True), _no_sieve()]


def resource_groups_ignored() -> list[Patch]:
    """Every resource group matches."""
    return _without_criterion("resource_groups")


def vpcs_ignored() -> list[Patch]:
    """Every VPC matches."""
    return _without_criterion("vpcs")


def _without_criterion(name: str) -> list[Patch]:
    unmet = selecting.unmet_criterion

    def lenient(selection: Any, traits: Any) -> str:
        return unmet(replace(selection, **{name: ()}), traits)

    return [mock.patch.object(selecting, "unmet_criterion", lenient), _no_sieve()]


def excluded_resource_groups_ignored() -> list[Patch]:
    """An exclusion by resource group excludes nothing."""
    return _without_exclusion("resource_groups")


def excluded_vpcs_ignored() -> list[Patch]:
    """An exclusion by VPC excludes nothing."""
    return _without_exclusion("vpcs")


def excluded_names_ignored() -> list[Patch]:
    """An exclusion by name excludes nothing."""
    return _without_exclusion("names")


def _without_exclusion(name: str) -> list[Patch]:
    reason = selecting.reason_to_exclude

    def lenient(excluded: Any, traits: Any) -> str:
        return reason(replace(excluded, **{name: ()}), traits)

    return [mock.patch.object(selecting, "reason_to_exclude", lenient)]


def _no_sieve() -> Patch:
    return mock.patch.object(intake, "ecs_filter", return_value=NO_FILTER)


def tagged(scenario: Scenario) -> Scenario:
    """Every batch selects by tag, and persons act quickly."""
    return _selected(scenario, by_tag)


def named(scenario: Scenario) -> Scenario:
    """Every batch selects by name, and persons act quickly."""
    return _selected(scenario, by_name)


def in_resource_groups(scenario: Scenario) -> Scenario:
    """Every batch selects by resource group, and persons act quickly."""
    return _selected(scenario, by_resource_group)


def in_vpcs(scenario: Scenario) -> Scenario:
    """Every batch selects by VPC, and persons act quickly."""
    return _selected(scenario, by_vpc)


def by_patterns(scenario: Scenario) -> Scenario:
    """Every batch selects by a pattern of names, and persons act quickly."""
    return _selected(scenario, by_pattern)


def _selected(scenario: Scenario, by: Any) -> Scenario:
    page = scenario.fleet["pages"][0]
    records = [dict(each) for each in page["Instances"]["Instance"]]
    ids = [each["InstanceId"] for each in records[:3]]
    plain = [replace(each, request={**each.request, "instanceIds": ids, "dryRun": False}) for each in scenario.batches[:1]]
    batches = tuple(by(each, at, records) for at, each in enumerate(plain))
    fleet = {**scenario.fleet, "pages": [{**page, "Instances": {"Instance": records}}]}
    return replace(scenario, fleet=fleet, batches=batches, rates={"person": 0.3}, chaos_min=60, prompt=True)
