"""Time zones by IANA name. The zones come from the pinned package tzdata, because a function's image may have old zones or none.

With the package, every machine reads the same tables of zones.
"""

from __future__ import annotations

import re
from datetime import timezone, tzinfo
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from shared.domain.errors import Refused

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z][A-Za-z0-9_+-]*){0,2}")


@lru_cache(maxsize=64)
def time_zone(name: str, field: str = "zone") -> tzinfo:
    """The time zone with this IANA name; raises Refused (Zone.NotFound) with the name of the field."""
    if name == "UTC":
        return timezone.utc
    if name not in zone_names():
        from difflib import get_close_matches  # imported here, because the names are seldom needed

        near = ", ".join(get_close_matches(name[:60], sorted(zone_names()), n=3, cutoff=0.5)) or "Europe/London, Asia/Shanghai"
        remedy = f"Use an IANA name, such as {near}, or UTC."
        raise Refused("Zone.NotFound", f"{field}: there is no time zone {name[:60]!r}.", remedy)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as table:
        return ZoneInfo.from_file(table, key=name)


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The names of all time zones in the package tzdata."""
    listed = files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(name for name in listed.split() if _NAME.fullmatch(name))
