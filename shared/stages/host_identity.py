"""Reads the addresses and hostnames of an instance.

Drivers recognise an instance by its addresses and hostnames if its id is not known.
"""

from __future__ import annotations

from shared.domain.migration import Migration
from shared.ports.driver import InstanceIdentity
from shared.ports.ports import Ports
from shared.stages.observed import baseline_observation


def host_identity(migration: Migration, hop: int, ports: Ports) -> InstanceIdentity:
    """Return the addresses and hostnames that the hop's precheck saw, and the ids of other instances that have one of these
    addresses now.

    The hostnames are those in ECS and in the guest, because ECS does not notice a change inside the guest.
    """
    seen = baseline_observation(migration, ports, hop=hop)
    facts = seen.instance
    if facts is None:
        return InstanceIdentity()
    names = {facts.hostname, (seen.guest.hostname if seen.guest else "") or ""} - {""}
    hosts = ports.compute.hostnames_at_addresses(migration.region_id, facts.private_ips)
    others = {id: name for id, name in hosts.items() if id != migration.instance_id}
    return InstanceIdentity(facts.private_ips, tuple(sorted(names)), facts.os_type == "windows", others)
