"""Batches of the guest driver: which seeds have them, and how the tools in their guests end."""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from typing import Any

from localcloud.core.app import Cloud
from localcloud.ecs.detached import TOOL
from tests.support import media
from tests.support.fleets import CENTOS_7, CENTOS_8, RHEL_8, RHEL_9, WINDOWS_2012R2, WINDOWS_2016, WINDOWS_2019

UNLICENSED = "licence=no"
"""The line by which a simulated guest says that its licence is missing."""

SHARE, OF_BATCHES = 0.12, 0.75
"""The share of seeds in which batches may use the guest driver, and the share of their batches that do."""
WINDOWS, OF_INSTANCES = 0.5, 0.5
"""The share of these seeds in which some instances run Windows, and the share of their instances that do."""
OF_WINDOWS = (WINDOWS_2012R2, WINDOWS_2012R2, WINDOWS_2016, WINDOWS_2019)
"""The systems that these instances get, each as often as it stands here."""
UPGRADED, FAILING = 0.5, 0.4
"""In these seeds: the share of CentOS 7 instances that get a later system, and the share whose tool refuses or fails."""
CHOSEN = 0.3
"""The share of these batches that leave the choice of the driver to ``auto``: SMC where it has the path, else a tool."""
LATER = (RHEL_8, RHEL_8, RHEL_9, CENTOS_8)
"""The systems that some CentOS 7 instances get, each as often as it stands here."""
LEADS_TO = {
    CENTOS_7[0]: ("rhel-7", "anolis-7", "anolis-8"),
    CENTOS_8[0]: ("rhel-8", "anolis-8"),
    RHEL_8[0]: ("rhel-9",),
    RHEL_9[0]: ("rhel-10",),
    WINDOWS_2012R2[0]: ("windows-2016-datacenter", "windows-2019-datacenter"),
    WINDOWS_2016[0]: ("windows-2019-datacenter", "windows-2022-datacenter"),
    WINDOWS_2019[0]: ("windows-2022-datacenter",),
}
"""Where each system goes: every path that the tools of the local cloud's guests can run."""
PROVEN = (
    "centos-7-to-rhel-7,centos-7-to-anolis-7,centos-7-to-anolis-8,"
    "centos-8-to-rhel-8,centos-8-to-anolis-8,rhel-8-to-rhel-9,rhel-9-to-rhel-10,"
    "windows-2012r2-datacenter-to-windows-2016-datacenter,windows-2012r2-datacenter-to-windows-2019-datacenter,"
    "windows-2016-datacenter-to-windows-2019-datacenter,windows-2016-datacenter-to-windows-2022-datacenter,"
    "windows-2019-datacenter-to-windows-2022-datacenter"
)
"""The recipes that the simulated account counts as proven."""
_CONVERT2RHEL = ("inhibit=An outdated package", "fail=before", "fail=middle", "network=no")
_LEAPP = ("inhibit=A driver that is gone", "fail=upgrade", "fail=restart", "fail=resume", "disk=full")
_SETUP = ("scan=0xC1900208", "fail=media", "fail=upgrade", "fail=restart")
_CENTOS2ANOLIS = ("network=no", "fail=middle", "disk=full")
_ENDS = {
    (CENTOS_7[0], "anolis-7"): _CENTOS2ANOLIS,
    (CENTOS_8[0], "anolis-8"): _CENTOS2ANOLIS,
    (CENTOS_7[0], "rhel-7"): _CONVERT2RHEL,
    (CENTOS_8[0], "rhel-8"): _CONVERT2RHEL,
}
"""How the tool of a path may end badly, early ends first; leapp's ends on every other path."""
FAULTS = ("tool_killed", "agent_hour", "act_again", "licence_bought", "stranger")
"""A tool's process is killed; an agent is silent for an hour; Cloud Assistant carries an old command out again; a person buys a
licence; somebody else's tool begins in a guest.
"""
RATES = {"tool_killed": 0.02, "agent_hour": 0.02, "act_again": 0.08}
TO_BUY = 0.4
"""The share of these seeds in which nobody has bought the licence of one instance yet. Its guest is then asked every minute.
"""
BUYS = (0.0, 0.02, 0.1)
"""How often a person buys a licence, per minute of the storm: never, late or soon."""
STRANGE, STRANGER = 0.4, 0.03
"""The share of these seeds in which somebody else's tool runs in guests, and how often one begins, per minute."""


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
    own = [by_tool(each, records, _driver(rng)) if rng.random() < OF_BATCHES else each for each in requests]
    if own == requests:
        return Drawn(tuple(requests), {})
    systems = upgrade(rng, records)
    systems |= to_windows(random.Random(f"windows:{seed}"), records, own)
    own = [
        by_tool(before, records, each["policy"]["driver"]) if each is not before else each
        for before, each in zip(requests, own, strict=True)
    ]
    for id, system in systems.items():
        if rng.random() < FAILING:
            fail(guests, id, rng.choice(ends(id, system)))
    rates = {kind: rate * rng.choice((0, 1, 2)) for kind, rate in RATES.items()}
    return Drawn(tuple(own), {**rates, **_people(random.Random(f"licences:{seed}"), guests, systems)})


def _people(rng: random.Random, guests: dict[str, Any], systems: dict[str, str]) -> dict[str, float]:
    """Sometimes leave one licence for a person to buy. Returns how often people buy it, and start a tool of their own."""
    needing = [id for id, system in sorted(systems.items()) if needs_licence(id, system)]
    rates = {"stranger": STRANGER} if rng.random() < STRANGE else {}
    if not needing or rng.random() >= TO_BUY:
        return rates
    lack_licence(guests, rng.choice(needing))
    return {**rates, "licence_bought": rng.choice(BUYS)}


def _driver(rng: random.Random) -> str:
    return "auto" if rng.random() < CHOSEN else "guest"


def destination(id: str, system: str) -> str:
    """Where an instance goes: the same in all batches of a seed."""
    ways = LEADS_TO[system]
    return ways[zlib.crc32(id.encode()) % len(ways)]


def ends(id: str, system: str) -> tuple[str, ...]:
    """How the tool of an instance may end badly, early ends first."""
    if destination(id, system).startswith("windows"):
        return _SETUP
    return _ENDS.get((system, destination(id, system)), _LEAPP)


def needs_licence(id: str, system: str) -> bool:
    """Whether a person has to buy a licence before the instance's tool can be used."""
    return tool(id, system) == "convert2rhel"


def tool(id: str, system: str) -> str:
    """The name under which the tool of an instance runs."""
    if destination(id, system).startswith("windows"):
        return "setuphost"
    if (system, destination(id, system)) not in _ENDS:
        return "leapp"
    return "convert2rhel" if destination(id, system).startswith("rhel") else "centos2anolis.py"


def by_tool(request: dict[str, Any], records: list[dict[str, Any]], driver: str = "guest") -> dict[str, Any]:
    """The request, restricted to its instances that a tool can upgrade; unchanged if it selects no such instance by id."""
    systems = {each["InstanceId"]: each["OSName"] for each in records}
    ids = [id for id in request.get("instanceIds", ()) if systems[id] in LEADS_TO]
    if not ids:
        return request
    policy = {**request["policy"], "driver": driver, "allowEndOfLife": True}
    return {**request, "instanceIds": ids, "destinations": {id: destination(id, systems[id]) for id in ids}, "policy": policy}


def upgrade(rng: random.Random, records: list[dict[str, Any]]) -> dict[str, str]:
    """Give some CentOS 7 instances a later system. Returns the system of each instance that a tool can upgrade."""
    for each in records:
        if each["OSName"] == CENTOS_7[0] and rng.random() < UPGRADED:
            each["OSName"], each["OSNameEn"], each["OSType"] = rng.choice(LATER)
    return {each["InstanceId"]: each["OSName"] for each in records if each["OSName"] in LEADS_TO}


def to_windows(rng: random.Random, records: list[dict[str, Any]], requests: list[dict[str, Any]]) -> dict[str, str]:
    """Sometimes let instances run Windows: those that only tools move, in batches without commands of their own. Returns the system
    of each.
    """
    if rng.random() >= WINDOWS:
        return {}
    plain = [each for each in requests if each["policy"].get("driver") in ("guest", "auto") and _has_no_command(each["policy"])]
    others = {id for each in requests if each not in plain for id in each.get("instanceIds", ())}
    wanted = {id for each in plain for id in each.get("instanceIds", ())} - others
    chosen = [each for each in records if each["InstanceId"] in wanted and rng.random() < OF_INSTANCES]
    for each in chosen:
        run_windows(each, rng.choice(OF_WINDOWS))
    return {each["InstanceId"]: each["OSName"] for each in chosen}


def run_windows(record: dict[str, Any], system: tuple[str, str, str]) -> None:
    """Let an instance run this release of Windows."""
    record["OSName"], record["OSNameEn"], record["OSType"] = system


def _has_no_command(policy: dict[str, Any]) -> bool:
    """Whether no command of the batch runs in the guests. The commands of the simulation are for Linux."""
    return not policy.get("check") and not policy.get("commands")


def needs_media(fleet: dict[str, Any]) -> bool:
    """Whether a tool moves an instance with Windows."""
    records = fleet["pages"][0]["Instances"]["Instance"]
    return any(each["OSName"] in (WINDOWS_2012R2[0], WINDOWS_2016[0], WINDOWS_2019[0]) for each in records)


def settings(fleet: dict[str, Any]) -> dict[str, str]:
    """The settings of the functions for the guest driver."""
    return {"REPLANK_GUEST_PROVEN": PROVEN, **(media.SETTING if needs_media(fleet) else {})}


def put_media(cloud: Cloud, fleet: dict[str, Any]) -> None:
    """Put the snapshot with the installation media into the account, if a tool needs it."""
    if needs_media(fleet):
        media.put_media_snapshot(cloud)


def fail(guests: dict[str, Any], id: str, how: str) -> None:
    """Make the tool of a guest end in this way, each time."""
    first, *more = guests.setdefault(id, {}).get("disks", [{}])
    files = first.get("files", {})
    guests[id]["disks"] = [{**first, "files": {**files, TOOL: f"{files.get(TOOL, '')}{how}\n"}}, *more]


def lack_licence(guests: dict[str, Any], id: str) -> None:
    """Let the repositories of Red Hat refuse a guest until a person has bought its licence."""
    fail(guests, id, UNLICENSED)
