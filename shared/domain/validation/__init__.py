"""Validation compares the guest with its own baseline. Every difference is expected (info), a warning, or a failure (error).

After a rollback, the same checks run, but no difference is allowed.
"""

from __future__ import annotations

from shared.domain.catalog import CATALOG, Catalog
from shared.domain.facts import InstanceFacts
from shared.domain.findings import Assessment, sorted_assessment
from shared.domain.guest import GuestFacts
from shared.domain.hop import Hop
from shared.domain.validation import content, health, identity, network, services, storage, system
from shared.domain.validation.view import Check, Comparison

__all__ = ["CHECKS", "compare_after_hop", "compare_after_rollback", "why_not_comparable_yet"]

CHECKS: tuple[Check, ...] = (
    system.check_release,
    system.check_kernel,
    system.check_architecture,
    system.check_nothing_pending,
    identity.check_identity,
    identity.check_hostname,
    identity.check_disks,
    storage.check_mounts,
    services.check_services,
    services.check_ports,
    network.check_interfaces,
    network.check_default_route,
    network.check_name_servers,
    network.check_firewall,
    content.check_users_and_groups,
    content.check_cron,
    content.check_packages,
    content.check_files,
    health.check_fstab,
    health.check_metadata_service,
    health.check_name_resolution,
    health.check_clock,
    content.check_user_command,
)
"""All comparisons, in the order of the report."""


def why_not_comparable_yet(now: GuestFacts, hop: Hop, os_type: str, *, catalog: Catalog = CATALOG) -> str:
    """Why the guest cannot be compared yet, for example because the package manager is busy; empty if the guest is ready."""
    return system.why_not_comparable_yet(now, hop, os_type, catalog)


def compare_after_hop(
    baseline_instance: InstanceFacts,
    baseline: GuestFacts,
    instance: InstanceFacts,
    now: GuestFacts,
    hop: Hop,
    *,
    catalog: Catalog = CATALOG,
) -> Assessment:
    """The assessment of the changes that the hop made. If the assessment is ``blocked``, the validation failed."""
    return _assess_differences(Comparison(baseline_instance, baseline, instance, now, hop, catalog))


def compare_after_rollback(
    baseline_instance: InstanceFacts,
    baseline: GuestFacts,
    instance: InstanceFacts,
    now: GuestFacts,
    *,
    catalog: Catalog = CATALOG,
) -> Assessment:
    """The assessment of a rollback. If the assessment is ``blocked``, something was not restored."""
    return _assess_differences(Comparison(baseline_instance, baseline, instance, now, None, catalog))


def _assess_differences(view: Comparison) -> Assessment:
    return sorted_assessment([finding for check in CHECKS for finding in check(view)], {})
