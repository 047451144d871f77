"""Deliberate bugs around kept commands, and the scenarios in which they show."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from unittest import mock

from shared.adapters.guest import CloudAssistant
from shared.domain import kept_commands
from shared.domain.errors import Permanent
from shared.probes import kept
from shared.stages import advance, watch_jobs
from tests.simulation import bugs_tools, weather
from tests.simulation.keeps import DELETED
from tests.simulation.scenario import Scenario

Patch = Any


def keeping_commands(scenario: Scenario) -> Scenario:
    """The deployment keeps commands; every batch has a check and commands, and text of persons has a role of its own."""
    return replace(weather.commanded(weather.checked(weather.unlimited(scenario))), keeps_commands=True, run_role=True)


def deployed_often(scenario: Scenario) -> Scenario:
    """Tools move every instance, and other versions with other scripts are deployed in the middle."""
    wide = bugs_tools.by_tools(scenario)
    return replace(wide, keeps_commands=True, rates={"deployment": 0.08})


def deleting_commands(scenario: Scenario) -> Scenario:
    """Tools move every instance, and persons delete commands by mistake."""
    wide = bugs_tools.by_tools(scenario)
    return replace(wide, keeps_commands=True, rates={DELETED: 0.05}, chaos_min=180)


def sent_as_text() -> list[Patch]:
    """Replank's own scripts are sent with RunCommand."""
    real = CloudAssistant.launch_script

    def plain(self: Any, *args: Any, kept: Any = None, **more: Any) -> str:
        return real(self, *args, **more)

    return [mock.patch.object(CloudAssistant, "launch_script", plain)]


def by_their_own_role() -> list[Patch]:
    """Text of persons is run by the role of the function, not by its own role."""
    real = CloudAssistant.__init__

    def without(self: Any, clients: Any, kept_ids: Any = None, run_clients: Any = None) -> None:
        real(self, clients, kept_ids, None)

    return [mock.patch.object(CloudAssistant, "__init__", without)]


def pasted_plainly() -> list[Patch]:
    """Parameters are pasted into scripts as plain text, and nothing refuses that."""
    return [
        mock.patch.object(kept, "_base64_text", lambda text: text),
        mock.patch.object(kept_commands, "_SAFE_PARAMETER", re.compile(".*", re.DOTALL)),
    ]


def newest_command() -> list[Patch]:
    """A run takes the command of whatever version is deployed."""
    return [mock.patch.object(CloudAssistant, "_name_to_invoke", lambda self, region_id, call: call.name)]


def missing_untold() -> list[Patch]:
    """A migration that waits for a missing command does not say so."""
    return [mock.patch.object(each, "record_missing_command") for each in (advance, watch_jobs)]


def missing_fails() -> list[Patch]:
    """A missing command makes the migration fail at once."""

    def failing(migration: Any, error: Any, stage: str, ports: Any) -> Any:
        raise Permanent(error.code, error.message, error.remedy)

    return [mock.patch.object(advance, "_wait_for_missing_command", failing)]
