"""Every precheck, in the order of docs/rules.md: account, instance, guest."""

from __future__ import annotations

from shared.domain.prechecks import (
    agent_heartbeat,
    guest_probed,
    guest_release,
    instance_running,
    linux_disk_space,
    linux_i686_packages,
    linux_memory,
    os_identified,
    route_supported,
    snapshot_in_progress,
    windows_disk_space,
    windows_region,
    windows_size,
)
from shared.domain.prechecks.rule import Rule

RULES: tuple[Rule, ...] = tuple(
    module.RULE
    for module in (
        route_supported,
        os_identified,
        windows_region,
        instance_running,
        agent_heartbeat,
        snapshot_in_progress,
        windows_size,
        guest_probed,
        guest_release,
        linux_memory,
        linux_disk_space,
        linux_i686_packages,
        windows_disk_space,
    )
)
"""All rules. Their order is that of the documentation; findings are sorted by severity."""
