"""The addresses and hostnames by which a driver recognises an instance if no instance id is shown."""

from __future__ import annotations

from shared.domain.migration import Migration
from shared.ports.driver import Identity
from shared.ports.ports import Ports
from shared.stages.observed import baseline_observation


def host_identity(migration: Migration, hop: int, ports: Ports) -> Identity:
    """The identity that the hop's passed precheck saw, and the other instances that have its address now.

    The guest's own hostname counts besides the one in ECS, because ECS does not learn of a change inside the guest.
    """
    seen = baseline_observation(migration, ports, hop=hop)
    facts = seen.instance
    if facts is None:
        return Identity()
    names = {facts.hostname, (seen.guest.hostname if seen.guest else "") or ""} - {""}
    hosts = ports.compute.hosts_at(migration.region_id, facts.private_ips)
    others = {id: name for id, name in hosts.items() if id != migration.instance_id}
    return Identity(facts.private_ips, tuple(sorted(names)), facts.os_type == "windows", others)
