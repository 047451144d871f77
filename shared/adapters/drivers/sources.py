"""Which instance a source server belongs to. SMC's one endpoint serves all regions and names no instance: address and hostname
must both agree.

An address alone proves nothing, because VPCs may use the same addresses. A missing name, or one that many machines share, proves
nothing either.
"""

from __future__ import annotations

import json
import re
from typing import Any

from shared.ports.driver import Identity

_NO_NAMES = frozenset({"", "localhost"})
_NETBIOS = 15
"""Characters of a Windows computer name that its NetBIOS form keeps."""


def is_source_of(source: Any, identity: Identity) -> bool:
    """Whether the source is this instance: one of its addresses and one of its names match."""
    return has_address_of(source, identity) and is_named(hostname(source.system_info), identity)


def is_named(name: str, identity: Identity) -> bool:
    """Whether a hostname is one of the instance's."""
    return any(same_host(name, each, windows=identity.windows) for each in identity.hostnames)


def has_address_of(source: Any, identity: Identity) -> bool:
    """Whether the source has one of the instance's private addresses; another instance may have it too."""
    return bool(addresses(source.system_info) & set(identity.private_ips))


def addresses(system_info: str | None) -> set[str]:
    """The IPv4 addresses in a source's SystemInfo (a JSON object whose ``ipv4`` is one address or several)."""
    return set(re.findall(r"\d{1,3}(?:\.\d{1,3}){3}", json.dumps(_document(system_info).get("ipv4", ""))))


def hostname(system_info: str | None) -> str:
    """The hostname in a source's SystemInfo; empty if it has no hostname."""
    found = _document(system_info).get("hostname")
    return found if isinstance(found, str) else ""


def same_host(seen: str, known: str, *, windows: bool = False) -> bool:
    """Whether two hostnames name one machine; case, domain and (on Windows) the NetBIOS cut do not matter."""
    seen, known = (each.strip().rstrip(".").lower() for each in (seen, known))
    one, other = seen.partition(".")[0], known.partition(".")[0]
    if {one, other} & _NO_NAMES:
        return False
    if "." in seen and "." in known:
        return seen == known
    cut = windows and min(len(one), len(other)) == _NETBIOS
    return one[:_NETBIOS] == other[:_NETBIOS] if cut else one == other


def _document(system_info: str | None) -> dict[str, Any]:
    try:
        document = json.loads(system_info or "{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
