"""Deliberate bugs in the choice of instances, and the weather in which they show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

from shared.domain import selecting
from shared.ports.compute import NO_FILTER
from shared.stages import intake, precheck
from tests.simulation.scenario import Scenario, by_name, by_tag

Patch = Any


def exclusion_ignored() -> list[Patch]:
    """What the selection excludes is chosen all the same, and the precheck does not notice."""
    unseen = mock.patch.object(precheck, "why_not_selected", return_value="")
    return [mock.patch.object(selecting, "reason_to_exclude", return_value=""), unseen]


def tags_ignored() -> list[Patch]:
    """Neither ECS nor intake asks for the tags."""
    return [mock.patch.object(selecting, "unmet_criterion", return_value=""), _no_sieve()]


def names_ignored() -> list[Patch]:
    """Every name fits."""
    return [mock.patch.object(selecting, "matches_pattern", return_value=True), _no_sieve()]


def _no_sieve() -> Patch:
    return mock.patch.object(intake, "ecs_filter", return_value=NO_FILTER)


def tagged(scenario: Scenario) -> Scenario:
    """Every batch chooses by tag, and persons are quick."""
    return _selected(scenario, by_tag)


def named(scenario: Scenario) -> Scenario:
    """Every batch chooses by name, and persons are quick."""
    return _selected(scenario, by_name)


def _selected(scenario: Scenario, by: Any) -> Scenario:
    page = scenario.fleet["pages"][0]
    records = [dict(each) for each in page["Instances"]["Instance"]]
    ids = [each["InstanceId"] for each in records[:3]]
    plain = [replace(each, request={**each.request, "instanceIds": ids, "dryRun": False}) for each in scenario.batches[:1]]
    batches = tuple(by(each, at, records) for at, each in enumerate(plain))
    fleet = {**scenario.fleet, "pages": [{**page, "Instances": {"Instance": records}}]}
    return replace(scenario, fleet=fleet, batches=batches, rates={"person": 0.3}, chaos_min=60, prompt=True)
