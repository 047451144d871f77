"""Validation: the guest against its own baseline. Every difference is expected (info), a warning, or a failure (error).

The same checks serve a rollback, after which nothing may differ.
"""

from __future__ import annotations

from shared.domain.catalog import CATALOG, Catalog
from shared.domain.facts import InstanceFacts
from shared.domain.findings import Assessment, sorted_assessment
from shared.domain.guest import GuestFacts
from shared.domain.hop import Hop
from shared.domain.validation import content, health, identity, network, services, storage, system
from shared.domain.validation.view import Check, View

__all__ = ["CHECKS", "compare", "compare_restored", "not_settled"]

CHECKS: tuple[Check, ...] = (
    system.check_release,
    system.check_kernel,
    system.check_architecture,
    system.check_idle,
    identity.check_identity,
    identity.check_hostname,
    identity.check_disks,
    storage.check_mounts,
    services.check_services,
    services.check_ports,
    network.check_interfaces,
    network.check_route,
    network.check_dns,
    network.check_firewall,
    content.check_accounts,
    content.check_cron,
    content.check_packages,
    content.check_files,
    health.check_fstab,
    health.check_metadata,
    health.check_names,
    health.check_clock,
    content.check_user,
)
"""All comparisons, in the order of the report."""


def not_settled(now: GuestFacts, hop: Hop, os_type: str, *, catalog: Catalog = CATALOG) -> str:
    """Why the guest is not ready to be compared yet (still the old release, package manager busy), or empty."""
    return system.not_settled(now, hop, os_type, catalog)


def compare(
    baseline_instance: InstanceFacts,
    baseline: GuestFacts,
    instance: InstanceFacts,
    now: GuestFacts,
    hop: Hop,
    *,
    catalog: Catalog = CATALOG,
) -> Assessment:
    """What the hop changed. ``blocked`` means that the validation failed."""
    return _assess(View(baseline_instance, baseline, instance, now, hop, catalog))


def compare_restored(
    baseline_instance: InstanceFacts,
    baseline: GuestFacts,
    instance: InstanceFacts,
    now: GuestFacts,
    *,
    catalog: Catalog = CATALOG,
) -> Assessment:
    """Whether a rollback brought everything back. ``blocked`` means that it did not."""
    return _assess(View(baseline_instance, baseline, instance, now, None, catalog))


def _assess(view: View) -> Assessment:
    return sorted_assessment([finding for check in CHECKS for finding in check(view)], {})
