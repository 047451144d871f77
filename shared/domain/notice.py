"""End-of-life notices: what one asks for, and which the calendar itself gives.

Alibaba Cloud publishes no machine-readable notice, so the inventory says what such a notice would: once a month, for every
release out of support (or soon to be) that still runs somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain import events
from shared.domain.catalog import CATALOG, Catalog, Release, find_release, require_release
from shared.domain.codec import as_list
from shared.domain.errors import Refused
from shared.domain.policy import Policy, read_policy

LEAD = timedelta(days=180)
"""How long before the end of support the inventory begins to speak (the lead time other clouds give for major versions)."""


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


_REGION = re.compile(r"[a-z]{2}-[a-z0-9-]{1,37}")


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
