"""More choices of a batch's policy: those that are not limits of starts, and the rarer forms of windows and rules."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from localcloud.core.clock import START
from tests.support.fleets import CENTOS_7

if TYPE_CHECKING:
    from tests.simulation.scenario import BatchPlan

OLD_ONLY = 'grep -q CentOS "${GUEST_ROOT:-}/etc/os-release" # own check of the application'
"""A check that fails after every move."""
LASTS, CHANGES = "/etc/hosts", "/etc/os-release"
"""A file that every move keeps, and one that every move changes. Both are on the system disk."""
NAMED, OF_THOSE_CHANGING = 0.15, 0.3
"""The share of batches that name files, and the share of these that name one which changes."""
FAR, ASKING = 0.1, 0.7
"""The share of batches with destinations that must be allowed, and the share of these whose policy allows them."""
SPOT, ACCEPTED = 0.05, 0.6
"""The share of spot instances, and the share of batches that accept them if there are any."""
LOCAL, SHANGHAI_MIN = 0.4, 480
"""The share of windows in another form than UTC, and the minutes that Shanghai is ahead of UTC, summer and winter."""
RULED = 0.5
"""The share of rules with more than two commands."""
UNVERIFIED, WITH_ROLES = 0.2, 0.5
"""The share of batches with approvals that count only verified names, and the share of seeds in which persons have roles."""
ROLES: Mapping[str, frozenset[str]] = {
    "ann": frozenset({"admin"}),
    "bob": frozenset({"admin"}),
    "eve": frozenset({"admin"}),
    "carl": frozenset({"approver"}),
    "dora": frozenset({"operator"}),
}
"""The roles of all persons, in a deployment that gives roles."""


def grants() -> list[dict[str, Any]]:
    """The setting that gives every person the role."""
    return [{"role": role, "who": [name]} for name, roles in ROLES.items() for role in sorted(roles)]


def with_spots(rng: random.Random, records: list[dict[str, Any]]) -> None:
    """Make some instances spot instances."""
    for each in records:
        if rng.random() < SPOT:
            each["SpotStrategy"] = "SpotAsPriceGo"


def with_choices(seed: int, at: int, plan: BatchPlan, records: list[dict[str, Any]]) -> BatchPlan:
    """The batch with more choices; each has its own chance, so that a new one changes no other."""
    policy: dict[str, Any] = dict(plan.request["policy"])
    _zone(random.Random(f"zone:{seed}:{at}"), policy)
    _files(random.Random(f"files:{seed}:{at}"), policy)
    _rules(random.Random(f"rules:{seed}:{at}"), policy, records)
    _approvers(random.Random(f"approvers:{seed}:{at}"), policy)
    if any("SpotStrategy" in each for each in records) and random.Random(f"spots:{seed}:{at}").random() < ACCEPTED:
        policy["overrides"] = {"Instance.Spot": "a test fleet"}
    far = _far(random.Random(f"far:{seed}:{at}"), plan.request, policy, records)
    return replace(plan, request={**plan.request, **far, "policy": policy})


def _zone(rng: random.Random, policy: dict[str, Any]) -> None:
    """Sometimes a single window is in the zone of the policy, or ahead of UTC, or closed on some days."""
    own = policy.get("window")
    if own is None or rng.random() >= LOCAL:
        return
    ahead = {name: _later(own[name], SHANGHAI_MIN) for name in ("start", "end")}
    if rng.random() < 0.5:
        policy |= {"zone": "Asia/Shanghai", "window": {**own, **ahead}}
    else:
        policy["window"] = {**own, **ahead, "utcOffsetMin": SHANGHAI_MIN}
    if rng.random() < 0.5:
        policy["window"]["days"] = [0, 1, 3, 4, 6]


def _later(clock: str, minutes: int) -> str:
    return f"{datetime.combine(START.date(), time.fromisoformat(clock)) + timedelta(minutes=minutes):%H:%M}"


def _files(rng: random.Random, policy: dict[str, Any]) -> None:
    """Sometimes the policy names files. The move changes some of them."""
    if rng.random() < NAMED:
        policy["files"] = [LASTS, CHANGES] if rng.random() < OF_THOSE_CHANGING else [LASTS]


def _rules(rng: random.Random, policy: dict[str, Any], records: list[dict[str, Any]]) -> None:
    """Sometimes a rule has time limits, a tag, or its own files and check."""
    if "commands" not in policy or rng.random() >= RULED:
        return
    first: dict[str, Any] = {
        **policy["commands"][0],
        "preTimeoutSec": rng.choice((60, 120)),
        "postTimeoutSec": rng.choice((90, 240)),
    }
    tags = sorted({f"{tag['TagKey']}={tag['TagValue']}" for each in records for tag in each.get("Tags", {}).get("Tag", ())})
    if tags and rng.random() < 0.5:
        first["tag"] = rng.choice(tags)
    if rng.random() < 0.5:
        first |= rng.choice(({"files": [LASTS]}, {"files": [CHANGES]}, {"check": OLD_ONLY}, {"check": ""}))
    policy["commands"] = [first]


def _approvers(rng: random.Random, policy: dict[str, Any]) -> None:
    """Sometimes only some persons may approve. Nobody has a verified name, so no rollback may need one: a route that has begun
    and waits ends in no other way.
    """
    if "approverTrust" not in policy:
        return
    if rng.random() < UNVERIFIED and "rollbackApprovals" not in policy:
        policy["approverTrust"] = "verified"
    policy["approverRole"] = rng.choice(("approver", "approver", "operator", "admin"))


def _far(
    rng: random.Random, request: dict[str, Any], policy: dict[str, Any], records: list[dict[str, Any]]
) -> dict[str, dict[str, str]]:
    """Sometimes CentOS 7 goes to a release past its support, or on a way that is open on request only."""
    named = request.get("instanceIds", ())
    old = [each["InstanceId"] for each in records if each["OSName"] == CENTOS_7[0] and each["InstanceId"] in named]
    if not old or "driver" in policy or rng.random() >= FAR:
        return {}
    policy |= {"allowEndOfLife": True} if rng.random() < ASKING else {}
    policy |= {"allowListed": True} if rng.random() < ASKING else {}
    return {"destinations": {**request["destinations"], **{id: rng.choice(("alinux-2", "rhel-7")) for id in old}}}
