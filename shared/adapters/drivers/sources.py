"""Decides which instance a source server belongs to. SMC does not name the instance, so an address and the hostname must match.

An address alone proves nothing: several VPCs may use the same addresses, and SMC lists the sources of all regions. A hostname
proves nothing if it is missing or if many machines have it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from shared.domain.drivers import SHARED_HOSTNAMES
from shared.ports.driver import InstanceIdentity

_NETBIOS = 15
"""Maximum length of a NetBIOS name, in characters. Windows cuts longer computer names to this length."""


def is_source_of_instance(source: Any, identity: InstanceIdentity) -> bool:
    """Whether the source server represents this instance. Both an address and a hostname must match."""
    return has_address_of_instance(source, identity) and is_hostname_of_instance(source_hostname(source.system_info), identity)


def is_hostname_of_instance(name: str, identity: InstanceIdentity) -> bool:
    """Whether the name is one of the instance's hostnames."""
    return any(is_same_host(name, each, windows=identity.windows) for each in identity.hostnames)


def has_address_of_instance(source: Any, identity: InstanceIdentity) -> bool:
    """Whether the source server has a private address of the instance. Other instances may have the same address."""
    return bool(source_addresses(source.system_info) & set(identity.private_ips))


def source_addresses(system_info: str | None) -> set[str]:
    """The IPv4 addresses in a source server's SystemInfo, which is a JSON object. The object's field ``ipv4`` contains one address
    or a list of addresses.
    """
    return set(re.findall(r"\d{1,3}(?:\.\d{1,3}){3}", json.dumps(_parsed_system_info(system_info).get("ipv4", ""))))


def source_hostname(system_info: str | None) -> str:
    """The hostname in a source server's SystemInfo; empty if SystemInfo has no hostname."""
    found = _parsed_system_info(system_info).get("hostname")
    return found if isinstance(found, str) else ""


def is_same_host(seen: str, known: str, *, windows: bool = False) -> bool:
    """Whether two hostnames belong to the same machine.

    The comparison ignores upper and lower case. Domains are compared only if both hostnames have a domain.
    """
    seen, known = (each.strip().rstrip(".").lower() for each in (seen, known))
    one, other = seen.partition(".")[0], known.partition(".")[0]
    if {one, other} & SHARED_HOSTNAMES:
        return False
    if "." in seen and "." in known:
        return seen == known
    cut = windows and min(len(one), len(other)) == _NETBIOS
    return one[:_NETBIOS] == other[:_NETBIOS] if cut else one == other


def _parsed_system_info(system_info: str | None) -> dict[str, Any]:
    try:
        document = json.loads(system_info or "{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
