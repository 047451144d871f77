"""Batches of the guest driver: which seeds have them, and how the tools in their guests end."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from tests.support.fleets import CENTOS_7, RHEL_8

SHARE, OF_BATCHES = 0.12, 0.75
"""The share of seeds in which batches may use the guest driver, and the share of their batches that do."""
UPGRADED, FAILING = 0.5, 0.4
"""In these seeds: the share of instances with RHEL 8, and the share of those whose tool refuses or fails."""
PROVEN = "centos-7-to-rhel-7,rhel-8-to-rhel-9"
"""The recipes that the simulated account counts as proven."""
LEADS_TO = {CENTOS_7[0]: "rhel-7", RHEL_8[0]: "rhel-9"}
ENDS = {
    CENTOS_7[0]: ("inhibit=An outdated package", "fail=before", "fail=middle", "network=no"),
    RHEL_8[0]: ("inhibit=A driver that is gone", "fail=upgrade", "fail=restart", "disk=full"),
}
FAULTS = ("tool_killed", "agent_hour", "act_again")
"""A tool's process is killed; an agent is silent for an hour; Cloud Assistant carries an old command out again."""
RATES = {"tool_killed": 0.02, "agent_hour": 0.02, "act_again": 0.08}


@dataclass(frozen=True)
class Drawn:
    """What the guest driver adds to a scenario."""

    requests: tuple[dict[str, Any], ...]
    rates: dict[str, float]


def drawn(seed: int, records: list[dict[str, Any]], guests: dict[str, Any], requests: list[dict[str, Any]]) -> Drawn:
    """The requests, some of them for the guest driver. Records and guests are changed so that a tool can work, or fails, in
    them.
    """
    rng = random.Random(f"guest:{seed}")
    if rng.random() >= SHARE:
        return Drawn(tuple(requests), {})
    own = [by_tool(each, records) if rng.random() < OF_BATCHES else each for each in requests]
    if own == requests:
        return Drawn(tuple(requests), {})
    systems = upgrade(rng, records)
    own = [by_tool(each, records) if each["policy"].get("driver") == "guest" else each for each in own]
    for id, system in systems.items():
        if rng.random() < FAILING:
            fail(guests, id, rng.choice(ENDS[system]))
    return Drawn(tuple(own), {kind: rate * rng.choice((0, 1, 2)) for kind, rate in RATES.items()})


def by_tool(request: dict[str, Any], records: list[dict[str, Any]]) -> dict[str, Any]:
    """The request, restricted to its instances that a tool can upgrade; unchanged if it selects no such instance by id."""
    systems = {each["InstanceId"]: each["OSName"] for each in records}
    ids = [id for id in request.get("instanceIds", ()) if systems[id] in LEADS_TO]
    if not ids:
        return request
    policy = {**request["policy"], "driver": "guest", "allowEndOfLife": True}
    return {**request, "instanceIds": ids, "destinations": {id: LEADS_TO[systems[id]] for id in ids}, "policy": policy}


def upgrade(rng: random.Random, records: list[dict[str, Any]]) -> dict[str, str]:
    """Give some CentOS 7 instances the system that leapp upgrades. Returns the system of each instance."""
    for each in records:
        if each["OSName"] == CENTOS_7[0] and rng.random() < UPGRADED:
            each["OSName"], each["OSNameEn"], each["OSType"] = RHEL_8
    return {each["InstanceId"]: each["OSName"] for each in records if each["OSName"] in LEADS_TO}


def fail(guests: dict[str, Any], id: str, how: str) -> None:
    """Make the tool of a guest end in this way, each time."""
    first, *more = guests.setdefault(id, {}).get("disks", [{}])
    guests[id]["disks"] = [{**first, "files": {**first.get("files", {}), ".guest/tool": f"{how}\n"}}, *more]
