"""Time zones by their IANA names, from the pinned package tzdata: the image that a function runs in may have none, or old ones.

The tables are data of a package, read as code is: the same bytes on every machine.
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
def zone_of(name: str, field: str = "zone") -> tzinfo:
    """The zone; raises Refused (Zone.NotFound), which names the field that asks for it."""
    if name == "UTC":
        return timezone.utc
    if name not in zone_names():
        from difflib import get_close_matches  # seldom needed

        near = ", ".join(get_close_matches(name[:60], sorted(zone_names()), n=3, cutoff=0.5)) or "Europe/London, Asia/Shanghai"
        remedy = f"Use an IANA name, such as {near}, or UTC."
        raise Refused("Zone.NotFound", f"{field}: there is no time zone {name[:60]!r}.", remedy)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as table:
        return ZoneInfo.from_file(table, key=name)


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """All zones that the package has."""
    listed = files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(name for name in listed.split() if _NAME.fullmatch(name))
