"""Deliberate bugs of the guest driver, and the scenarios in which they show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

from shared.adapters.drivers.in_guest import GuestDriver
from shared.domain import acts
from shared.domain.drivers import AUTO, DRIVERS
from shared.domain.errors import Permanent
from shared.domain.recipes.line import LEAPP_BUSY
from shared.probes import tool
from shared.stages import precheck
from tests.simulation import tools
from tests.simulation.scenario import Scenario
from tests.simulation.weather import failing_snapshots, unlimited
from tests.support.fleets import CENTOS_7, CENTOS_8, RHEL_8

Patch = Any


def by_tools(scenario: Scenario) -> Scenario:
    """Every batch uses the guest driver, with two tools. Old commands are carried out again, and people act all the time."""
    wide = unlimited(scenario)
    records = wide.fleet["pages"][0]["Instances"]["Instance"]
    for place, each in enumerate(records):
        each["OSName"], each["OSNameEn"], each["OSType"] = RHEL_8 if place % 2 else CENTOS_7
    batches = tuple(replace(each, request=tools.by_tool(each.request, records)) for each in wide.batches)
    rates = {"act_again": 0.5, "person": 0.5, "drop_after": 0.02, "tool_killed": 0.01}
    return replace(wide, batches=batches, rates=rates, chaos_min=120, prompt=True)


def failing_tools(scenario: Scenario) -> Scenario:
    """The same scenario, and every tool fails, early or late."""
    wide = by_tools(scenario)
    guests: dict[str, Any] = {}
    for place, each in enumerate(wide.fleet["pages"][0]["Instances"]["Instance"]):
        tools.fail(guests, each["InstanceId"], tools.ends(each["InstanceId"], each["OSName"])[place // 2 % 2])
    return replace(wide, fleet={**wide.fleet, "guests": guests}, rates={"person": 0.9})


def choosing(scenario: Scenario) -> Scenario:
    """Every batch leaves the choice to ``auto``, for systems with more than one way; snapshots fail, and people try again."""
    wide = failing_snapshots(by_tools(scenario))
    records = wide.fleet["pages"][0]["Instances"]["Instance"]
    batches = tuple(replace(each, request=tools.by_tool(each.request, records, AUTO.name)) for each in wide.batches)
    return replace(wide, batches=batches)


def failing_late(scenario: Scenario) -> Scenario:
    """By one tool, which fails on every instance after its start; people roll back all the time."""
    wide = by_tools(scenario)
    records = wide.fleet["pages"][0]["Instances"]["Instance"]
    for each in records:
        each["OSName"], each["OSNameEn"], each["OSType"] = RHEL_8
    guests: dict[str, Any] = {}
    for each in records:
        tools.fail(guests, each["InstanceId"], "fail=upgrade")
    batches = tuple(replace(each, request=tools.by_tool(each.request, records)) for each in wide.batches)
    return replace(wide, batches=batches, fleet={**wide.fleet, "guests": guests}, rates={"person": 0.9}, chaos_min=180)


def failing_at_the_first_start(scenario: Scenario) -> Scenario:
    """The same scenario, and the second half of leapp fails on every instance; people accept what has failed."""
    late = failing_late(scenario)
    guests: dict[str, Any] = {}
    for each in late.fleet["pages"][0]["Instances"]["Instance"]:
        tools.fail(guests, each["InstanceId"], "fail=resume")
    return replace(late, fleet={**late.fleet, "guests": guests}, rates={"person": 0.1})


def lacking_licences(scenario: Scenario) -> Scenario:
    """Every instance goes to Red Hat by convert2rhel, its licence is missing, and people buy licences slowly."""
    wide = by_tools(scenario)
    records = wide.fleet["pages"][0]["Instances"]["Instance"]
    guests: dict[str, Any] = {}
    for each in records:
        system = next((one for one in (CENTOS_7, CENTOS_8) if tools.needs_licence(each["InstanceId"], one[0])), RHEL_8)
        each["OSName"], each["OSNameEn"], each["OSType"] = system
        if system is not RHEL_8:
            tools.lack_licence(guests, each["InstanceId"])
    batches = tuple(replace(each, request=tools.by_tool(each.request, records)) for each in wide.batches)
    return replace(wide, batches=batches, fleet={**wide.fleet, "guests": guests}, rates={"licence_bought": 0.03})


def beside_strangers(scenario: Scenario) -> Scenario:
    """The same scenario as ``by_tools``, and in many guests somebody else's tool runs now and then."""
    return replace(by_tools(scenario), rates={"stranger": 0.3, "person": 0.3})


def turned_away(scenario: Scenario) -> Scenario:
    """The same scenario as ``by_tools``. Somebody else's tool often runs, and nobody decides about what has failed."""
    return replace(by_tools(scenario), rates={"stranger": 0.6, "act_again": 0.9, "person": 0.05}, chaos_min=180)


def _without(name: str, *lines: str) -> list[Patch]:
    """A script of the driver without some of its lines. If such a line no longer exists, the patch raises."""
    read = tool._script_text
    text = read(name)
    for line in lines:
        assert line in text, line
        text = text.replace(line, "", 1)
    return [mock.patch.object(tool, "_script_text", lambda each: text if each == name else read(each))]


def started_anyway() -> list[Patch]:
    """The tool is started even if it was started before, and whatever state the run is in."""
    return _without(
        "tool.sh", '[ "$(get phase)" = prepared ] || say\n', "tool_busy >/dev/null 2>&1 && turn_away busy\nclaim started || say\n"
    )


def prepared_again() -> list[Patch]:
    """A repeated command prepares the tool again."""
    return _without("tool.sh", '[ "$(get run)" = "$REPLANK_RUN" ] && say\n', 'claim "claim-$REPLANK_RUN" || say\n')


def unlicensed() -> list[Patch]:
    """The preparation does not wait for the licence."""
    return _without("tool_runner.sh", 'tool_licence >>"$L" 2>&1 || end unlicensed $?\n')


def beside_others() -> list[Patch]:
    """The driver does not look whether a tool runs that it has not started: not for the preparation, nor for a start."""
    return _without("tool.sh", *[f"tool_busy >/dev/null 2>&1 && {each} busy\n" for each in ("turn_away", "say", "turn_away")])


def started_late() -> list[Patch]:
    """A start that was turned away is carried out if its command comes again."""
    return _without("tool.sh", "is_over && say busy\n")


def leftovers_kept() -> list[Patch]:
    """What a failed attempt has installed stays in the guest for the next attempt."""
    return _without("tool_runner.sh", '(. "$D/recipe.old" && tool_clean) >>"$L" 2>&1\n')


def begun_after_the_end() -> list[Patch]:
    """A command that comes once more after the end of its try begins that try again."""
    return _without("tool.sh", "is_over && say ended\n")


def log_lost() -> list[Patch]:
    """A rollback takes the end of the tool's log from the row as well."""
    real = acts.roll_back_migration

    def forgetful(*args: Any, **more: Any) -> Any:
        taken = real(*args, **more)
        return replace(taken, after=replace(taken.after, tool_log=None))

    return [mock.patch.object(acts, "roll_back_migration", forgetful)]


def chosen_again() -> list[Patch]:
    """A further precheck in a batch that leaves the choice to ``auto`` chooses again, and finds the first driver not ready."""
    real = precheck._migration_with_route

    def fickle(migration: Any, instance: Any, summary: Any, ports: Any) -> Any:
        if summary.policy.driver == AUTO.name and migration.driver in DRIVERS:
            gone = {migration.driver: Permanent("Driver.SettingMissing", "It lacks a setting.", "Set it.")}
            migration, ports = replace(migration, driver=AUTO.name), replace(ports, unready=gone)
        return real(migration, instance, summary, ports)

    return [mock.patch.object(precheck, "_migration_with_route", fickle)]


def file_believed() -> list[Patch]:
    """The file of leapp's service is enough for leapp to count as running, even after its second half has failed."""
    real, failed = tool.recipe_script, " && ! systemctl is-failed leapp_resume.service >/dev/null"
    assert failed in LEAPP_BUSY
    return [mock.patch.object(tool, "recipe_script", lambda recipe: real(recipe).replace(failed, ""))]


def nothing_undone() -> list[Patch]:
    """A cancellation leaves the installed packages in the guest."""
    return [mock.patch.object(GuestDriver, "clean_up_hop")]
