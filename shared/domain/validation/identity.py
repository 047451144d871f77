"""Checks of the attributes that a migration keeps according to Alibaba Cloud's documents: image id, VPC, addresses, hostname and
machine code.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.facts import user_disks
from shared.domain.findings import Finding
from shared.domain.validation.view import Comparison, expected_finding, failure_finding, joined_names, warning_finding

UNCHANGED = (
    ("instance_id", "InstanceIdChanged", "Instance id"),
    ("image_id", "ImageIdChanged", "Image id"),
    ("vpc_id", "VpcChanged", "VPC"),
    ("serial_number", "MachineCodeChanged", "Machine code"),
    ("private_ips", "PrivateAddressChanged", "Private addresses"),
    ("public_ips", "PublicAddressChanged", "Public addresses"),
)


def check_identity(view: Comparison) -> Iterator[Finding]:
    """Check that the instance runs, and still has the attributes that a migration keeps according to Alibaba Cloud."""
    for field, code, title in UNCHANGED:
        before, after = getattr(view.instance_before, field), getattr(view.instance_after, field)
        if _value_in_words(before) != _value_in_words(after):
            seen = f"{_value_in_words(before) or 'none'} before, {_value_in_words(after) or 'none'} now"
            yield failure_finding(
                code, f"{title} changed", seen, "Open a ticket with Alibaba Cloud: the documents promise that this value stays."
            )
    if view.instance_after.status != "Running":
        yield failure_finding(
            "NotRunning", "The instance is not running", f"state {view.instance_after.status}", "Start the instance, or roll back."
        )


def _value_in_words(value: object) -> str:
    return ", ".join(sorted(value)) if isinstance(value, tuple) else str(value)


def check_hostname(view: Comparison) -> Iterator[Finding]:
    """Check that the guest still has the same hostname."""
    before, after = view.before.hostname, view.after.hostname
    if before and after and before.lower() != after.lower():
        yield failure_finding(
            "HostnameChanged", "The hostname changed", f"{before} before, {after} now", f"hostnamectl set-hostname {before}"
        )


def check_disks(view: Comparison) -> Iterator[Finding]:
    """Check that every disk is still attached with the same size, and report new disks."""
    before = {d.disk_id: d for d in view.instance_before.user_disks}
    after = {d.disk_id: d for d in view.instance_after.disks}
    lost = [f"{d.disk_id} ({d.device}, {d.size_gib} GiB)" for d in before.values() if d.disk_id not in after]
    if lost:
        yield failure_finding(
            "DiskLost",
            "A disk is no longer attached",
            joined_names(lost),
            "Attach the disk again. If it is the system disk, a rollback needs its new id.",
        )
    added = [d for d in after.values() if d.disk_id not in before]
    transit = [d.disk_id for d in added if d.used_by_smc_transit]
    if transit:
        yield expected_finding(
            "TransitDiskLeft",
            "SMC's transit disk is still attached",
            joined_names(transit),
            "SMC detaches this disk by itself when the job is done.",
        )
    strange = [d.disk_id for d in user_disks(added)]
    if strange:
        yield warning_finding("DiskAdded", "A disk was not there before", joined_names(strange), "Find out who attached the disk.")
    resized = [
        f"{k}: {before[k].size_gib} GiB before, {after[k].size_gib} GiB now"
        for k in before.keys() & after.keys()
        if before[k].size_gib != after[k].size_gib
    ]
    if resized:
        yield failure_finding(
            "DiskResized",
            "A disk has another size",
            joined_names(resized),
            "Compare the disk with its snapshot before you continue.",
        )
