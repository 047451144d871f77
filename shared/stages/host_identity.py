"""What a driver can tell an instance by where the cloud shows no instance id."""

from __future__ import annotations

from shared.domain.migration import Migration
from shared.ports.driver import Identity
from shared.ports.ports import Ports
from shared.stages.observed import baseline


def identity(migration: Migration, hop: int, ports: Ports) -> Identity:
    """As the precheck of the hop saw the instance, and who else has its address now: nothing is prepared before one has passed.

    The guest's own hostname counts beside the one that ECS knows: who renames a machine inside does not tell ECS.
    """
    seen = baseline(migration, ports, hop=hop)
    facts = seen.instance
    if facts is None:
        return Identity()
    names = {facts.hostname, (seen.guest.hostname if seen.guest else "") or ""} - {""}
    hosts = ports.compute.hosts_at(migration.region_id, facts.private_ips)
    others = {id: name for id, name in hosts.items() if id != migration.instance_id}
    return Identity(facts.private_ips, tuple(sorted(names)), facts.os_type == "windows", others)
