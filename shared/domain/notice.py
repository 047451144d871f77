"""End-of-life notices: what one asks for, and which the calendar itself gives.

Alibaba Cloud publishes no machine-readable notice, so the inventory says what such a notice would: once a month, for every
release out of support (or soon to be) that still runs somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain import events
from shared.domain.batch import Policy
from shared.domain.catalog import CATALOG, Catalog, Release, find_release, require_release
from shared.domain.codec import as_list, as_object, decode
from shared.domain.errors import Refused

MOST_FILES, LONGEST_CHECK, PROBE_ROOM = 20, 500, 2000
"""Files of a policy, characters of its check, and bytes of both as the probe spells them: a command has 18 KB in all."""
BOUNDS = {
    "maxMoving": (1, 1000),
    "failureBudget": (0, 1000),
    "canary": (0, 100),
    "retentionDays": (1, 365),
    "window.utcOffsetMin": (-720, 840),
    "window.cutoffMin": (0, 1439),
}
"""Least and most of each number of a policy, by the name that the API and the events give it."""
LEAD = timedelta(days=180)
"""How long before the end of support the inventory begins to speak (the lead time other clouds give for major versions)."""

_POLICY_NAMES = {
    "driver": "driver",
    "maxMoving": "max_moving",
    "failureBudget": "failure_budget",
    "canary": "canary",
    "retentionDays": "retention_days",
    "window": "window",
    "allowEndOfLife": "allow_end_of_life",
    "allowListed": "allow_listed",
    "overrides": "overrides",
    "files": "files",
    "check": "check",
}
_WINDOW_NAMES = {"start": "start", "end": "end", "days": "days", "utcOffsetMin": "utc_offset_min", "cutoffMin": "cutoff_min"}


@dataclass(frozen=True)
class Notice:
    """A notice understood. ``releases`` are keys or prefixes of keys (``windows-2008r2`` covers its editions)."""

    releases: tuple[str, ...]
    regions: tuple[str, ...]
    destination: str
    policy: Policy


def read_notice(data: dict[str, Any], catalog: Catalog = CATALOG) -> Notice:
    """The notice in an EndOfLife event's data; raises Refused naming the field."""
    releases = tuple(_release(each, catalog) for each in as_list(data.get("releases"), "releases"))
    if not releases:
        raise Refused("Notice.Empty", "The notice names no release.", "Give data.releases at least one release, e.g. CentOS 7.")
    regions = tuple(map(_region, as_list(data.get("regionIds", []), "regionIds")))
    destination = data.get("destination") or ""
    if destination:
        destination = require_release(str(destination), catalog).key
    return Notice(releases, regions, destination, read_policy(data.get("policy", {})))


def _region(name: object) -> str:
    """A region id becomes part of a host name that requests are sent to: it must be no other one."""
    if not isinstance(name, str) or not _REGION.fullmatch(name):
        raise Refused("Notice.RegionInvalid", f"{str(name)[:100]!r} is no region id.", "Give regionIds like cn-hangzhou.")
    return name


def _release(name: object, catalog: Catalog) -> str:
    text = str(name).strip()
    release = find_release(text, catalog)
    key = release.key if release else text.lower().replace("windows server", "windows").replace(" r2", "r2").replace(" ", "-")
    if release is None and not any(product.startswith(key) for product in catalog.lifecycle):
        raise Refused("Catalog.ReleaseUnknown", f"The catalog has no release {text[:100]!r}.", "See `replank catalog releases`.")
    return key


def read_policy(document: object) -> Policy:
    """A policy in the API's spelling (camelCase, all fields optional); raises Refused naming the field."""
    asked = as_object(document, "policy")
    given = _renamed(asked, _POLICY_NAMES, "policy")
    if given.get("window") is not None:
        given["window"] = _renamed(as_object(given["window"], "policy.window"), _WINDOW_NAMES, "policy.window")
    policy = decode(Policy, given, "policy", strict=True)
    if policy.driver not in ("smc", "console"):
        raise Refused("Policy.Invalid", f"policy.driver {policy.driver!r} is unknown.", "Use smc or console.")
    _check_numbers(asked, "policy.", "")
    _check_probe(policy.files, policy.check)
    if policy.window is not None:
        policy = replace(policy, window=_checked(policy.window))
    return policy


def _check_numbers(asked: dict[str, Any], path: str, prefix: str) -> None:
    """Refuse numbers that arithmetic, or the fleet, could not bear."""
    for name, value in asked.items():
        if prefix + name in BOUNDS:
            least, most = BOUNDS[prefix + name]
            if not least <= value <= most:
                raise Refused("Policy.Invalid", f"{path}{name} must be from {least} to {most}.", "Correct the policy.")
        elif name == "window" and isinstance(value, dict):
            _check_numbers(value, "policy.window.", "window.")


def _check_probe(files: tuple[str, ...], check: str) -> None:
    """Refuse what the probe could not carry into the guest."""
    for path in files:
        if not _ABSOLUTE.fullmatch(path):
            what = f"policy.files has {path[:100]!r}, which is no absolute path."
            raise Refused("Policy.Invalid", what, "Name files like /etc/app.conf or C:\\app\\app.ini.")
    if not _ONE_LINE.fullmatch(check):
        raise Refused(
            "Policy.Invalid", "policy.check must be one line of text.", "Put longer checks into a script in the guest and call it."
        )
    quoted = "\n".join((*files, check)).replace("'", "'\\''")
    if len(files) > MOST_FILES or len(check) > LONGEST_CHECK or len(quoted.encode()) > PROBE_ROOM:
        most = f"at most {MOST_FILES} files, a check of {LONGEST_CHECK} characters, {PROBE_ROOM} bytes together"
        raise Refused(
            "Policy.Invalid", f"policy.files and policy.check are too long: {most}.", "Name fewer files, or call a script."
        )


_ABSOLUTE = re.compile(r"(?:/|[A-Za-z]:\\)[^\x00-\x1f\ud800-\udfff]*[^\x00-\x1f\ud800-\udfff/\\]")
_REGION = re.compile(r"[a-z]{2}-[a-z0-9-]{1,37}")
_ONE_LINE = re.compile(r"[^\x00-\x1f\ud800-\udfff]*")


def _checked(window: Any) -> Any:
    try:
        window.allows(datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    except ValueError:
        raise Refused("Policy.Invalid", "policy.window.start and end must be HH:MM.", "Write times like 22:00.") from None
    if window.minutes <= 0:
        sentence = f"policy.window is never open: nothing starts in its last {window.cutoff_min} minutes (cutoffMin)."
        raise Refused("Policy.Invalid", sentence, "Make the window longer, or cutoffMin smaller.")
    if not set(window.days) & set(range(7)):
        raise Refused("Policy.Invalid", "policy.window.days names no day.", "Name days from 0 (Monday) to 6.")
    return window


def _renamed(given: dict[str, Any], names: dict[str, str], path: str) -> dict[str, Any]:
    for name in given:
        if name not in names:
            raise Refused("Policy.Invalid", f"{path}.{name} is no known field.", f"Known are {', '.join(names)}.")
    return {names[name]: value for name, value in given.items()}


def matches(release: Release, wanted: Iterable[str]) -> bool:
    """Whether a release is one of those wanted (keys, products, or leading parts of keys)."""
    return any(release.key == each or release.product == each or release.key.startswith(each + "-") for each in wanted)


def due_notices(releases: Iterable[Release], now: datetime, catalog: Catalog = CATALOG) -> list[events.Event]:
    """The EndOfLife events the inventory should publish at ``now``, one per product, the same ids all month."""
    found: dict[str, events.Event] = {}
    for release in releases:
        row = catalog.lifecycle.get(release.product)
        if row is None or row.ends_on is None or row.ends_on > (now + LEAD).date():
            continue
        event_id = f"eol-{release.product}-{now:%Y-%m}"
        data = {"releases": [release.product], "endOfSupport": row.ends_on.isoformat(), "regionIds": []}
        found[release.product] = events.Event(events.END_OF_LIFE, event_id, f"release/{release.product}", data)
    return [found[product] for product in sorted(found)]
