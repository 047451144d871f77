"""The facts that a fleet file may contain about its guests, from the schema by which the local cloud checks them."""

from __future__ import annotations

from localcloud.ecs.fleet_check import SCHEMA
from tools.pages.common import table

_PARTS = {"guest": "", "disk": "disks[].", "smc": "smc."}


def render() -> str:
    """A table: field, type, meaning."""
    rows = []
    for part, prefix in _PARTS.items():
        for name, shape in SCHEMA["$defs"][part]["properties"].items():
            field = SCHEMA["$defs"][shape["$ref"].rpartition("/")[2]] if "$ref" in shape else shape
            rows.append((f"`{prefix}{name}`", str(field.get("type", "")), field.get("description", "")))
    return table(("fact", "type", "meaning"), rows)
