"""Changes of a running batch's policy: what a person tightens or loosens."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

Policy = dict[str, Any]
WHY = "calmer, or faster"
MOST_AT_ONCE = 2
"""How many choices a person changes in one act."""
FORBIDDEN = 0.1
"""How often a person tries to change what is fixed."""


def changed(rng: random.Random, policy: Policy, now: datetime) -> Policy:
    """The policy, as the API shows it, with one or two other choices. Some of them may be fixed by now."""
    after = dict(policy)
    for change in rng.sample(_CHANGES, rng.randint(1, MOST_AT_ONCE)):
        after |= change(rng, after, now)
    if rng.random() < FORBIDDEN:
        after |= rng.choice(_FIXED)
    found: Policy = _as_request(after)
    return found


def _as_request(shown: Any) -> Any:
    """What the API shows, as a request says it: without the fields that are null."""
    if isinstance(shown, dict):
        return {name: _as_request(value) for name, value in shown.items() if value is not None}
    return [_as_request(each) for each in shown] if isinstance(shown, list) else shown


def _numbers(rng: random.Random, policy: Policy, now: datetime) -> Policy:
    """Other limits of how many move at once."""
    parts = {"maxMovingPerRegion": rng.choice((None, 1, 2)), "maxMovingPerWave": rng.choice((None, 1, 2))}
    return {"maxMoving": rng.choice((1, 2, 3, 6)), **(parts if rng.random() < 0.4 else {})}


def _budgets(rng: random.Random, policy: Policy, now: datetime) -> Policy:
    share = {"failurePercent": rng.choice((None, 0, 20, 50))} if rng.random() < 0.4 else {}
    return {"failureBudget": rng.choice((0, 1, 3)), "waveFailureBudget": rng.choice((None, 0, 1)), **share}


def _canary(rng: random.Random, policy: Policy, now: datetime) -> Policy:
    return {"canary": rng.choice((0, 1, 2))}


def _windows(rng: random.Random, policy: Policy, now: datetime) -> Policy:
    """A window that is open now, closes soon or opens later; or none."""
    if rng.random() < 0.3:
        return {"window": None, "windows": [], "zone": ""}
    opens = now + timedelta(minutes=rng.choice((-60, -60, 20)))
    closes = opens + timedelta(minutes=rng.choice((80, 240)))
    window = {"start": f"{opens:%H:%M}", "end": f"{closes:%H:%M}", "cutoffMin": rng.choice((0, 10))}
    return {"window": window, "windows": [], "zone": ""}


def _blackouts(rng: random.Random, policy: Policy, now: datetime) -> Policy:
    """A blackout that has begun or comes soon; or none."""
    if rng.random() < 0.4:
        return {"blackouts": []}
    begins = now + timedelta(minutes=rng.choice((-30, 10)))
    times = {"from": f"{begins:%Y-%m-%dT%H:%MZ}", "to": f"{begins + timedelta(minutes=120):%Y-%m-%dT%H:%MZ}"}
    return {"blackouts": [{**times, "reason": "a late freeze", "cutoffMin": 0}]}


def _waves(rng: random.Random, policy: Policy, now: datetime) -> Policy:
    """Another soak or gate; other waves if nobody has acknowledged the batch."""
    sizes = {"waves": rng.choice(([], ["1"], ["2"], ["50%"]))} if rng.random() < 0.3 else {}
    gate = {"gate": rng.choice(("automatic", "approval"))} if not policy.get("waveApprovals") else {}
    return {"soakMin": rng.choice((0, 5, 20)), **gate, **sizes}


def _approvals(rng: random.Random, policy: Policy, now: datetime) -> Policy:
    return {"approvalMin": rng.choice((30, 120, 1440)), "approvalExpiry": rng.choice(("hold", "hold", "cancel"))}


def _days(rng: random.Random, policy: Policy, now: datetime) -> Policy:
    return {"retentionDays": rng.choice((1, 2)), "confirmAfterDays": rng.choice((0, 1, 7))}


def _permissions(rng: random.Random, policy: Policy, now: datetime) -> Policy:
    """Give a permission, or withdraw it."""
    spots = {"overrides": rng.choice(({}, {"Instance.Spot": "a test fleet"}))}
    return rng.choice((spots, {"allowEndOfLife": rng.random() < 0.5}, {"allowListed": rng.random() < 0.5}))


_CHANGES: tuple[Callable[[random.Random, Policy, datetime], Policy], ...] = (
    _numbers,
    _budgets,
    _canary,
    _windows,
    _blackouts,
    _waves,
    _approvals,
    _days,
    _permissions,
)
_FIXED: tuple[Policy, ...] = ({"approvals": 0}, {"check": "true # another"}, {"order": "name"}, {"driver": "smc"}, {"files": []})
