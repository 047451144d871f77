"""Rules that come from leapp, the tool for upgrades between major versions. The module hops.py defines the rules' severity."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.fstab import hidden_mount_points
from shared.domain.prechecks.ask import linux_fact, linux_list_check, outcome_of_flag, outcome_of_list, shortened_list
from shared.domain.prechecks.hops import is_hop_to_red_hat, is_linux_upgrade, is_upgrade_from_release_7, severity_on_hop_to_red_hat
from shared.domain.prechecks.rule import PASSED, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed, is_linux

REMOVED_DRIVERS = frozenset(
    (
        "3w-9xxx",
        "3w-sas",
        "aic79xx",
        "aic7xxx",
        "floppy",
        "mptbase",
        "mptfc",
        "mptsas",
        "mptscsih",
        "mptspi",
        "pata_acpi",
        "sym53c8xx",
    )
)
"""Kernel modules that leapp reports as removed in Red Hat 8. Some of these modules are loaded in virtual machines."""
CLUSTER = frozenset(("pacemaker", "corosync", "cman", "rgmanager", "pacemaker_remote"))
REMOVED_PAM_MODULES = frozenset(("pam_tally2", "pam_pkcs11", "pam_krb5"))


def _check_var_executable(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if /var, /var/lib or /var/lib/leapp is mounted with ``noexec``, or has this option in fstab."""
    guest, entries = facts.guest, linux_fact(facts, lambda guest: guest.fstab)
    if guest is None or guest.mounts is None:
        return FactUnknown("the guest did not list its file systems")
    told = [(m.mount_point, m.options) for m in guest.mounts] + [(e.mount_point, e.options) for e in entries or ()]
    needed = {"/var", "/var/lib", "/var/lib/leapp"}
    return outcome_of_list(
        list(dict.fromkeys(f"{point} has noexec" for point, options in told if point in needed and "noexec" in options.split(","))),
        "",
    )


def _check_hidden_mount_points(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports mount points that a later line of fstab hides."""
    entries = linux_fact(facts, lambda guest: guest.fstab)
    return outcome_of_list(None if entries is None else hidden_mount_points(entries), "the guest did not show /etc/fstab")


def _check_fips_mode(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the kernel reports FIPS mode, or if the kernel's arguments, which leapp reads, turn on FIPS mode."""
    arguments = linux_fact(facts, lambda guest: guest.kernel_arguments)
    on = linux_fact(facts, lambda guest: guest.fips)
    if "fips=1" in (arguments or "").split():
        return RuleFailed("the kernel's arguments have fips=1")
    return outcome_of_flag(on, "fips_enabled is 1", "the guest did not report whether FIPS mode is on")


def _check_cluster_services(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if a service of Pacemaker or Corosync is enabled or running."""
    services = facts.guest.services if facts.guest else None
    used = None if services is None else [s.name for s in services if s.name in CLUSTER and (s.enabled or s.active)]
    return outcome_of_list(used, "the guest did not list its services")


def _check_removed_drivers(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if a loaded kernel module no longer exists in Red Hat 8."""
    modules = linux_fact(facts, lambda guest: guest.modules)
    if modules is None:
        return FactUnknown("the guest did not list its kernel modules")
    return outcome_of_list(sorted(set(modules) & REMOVED_DRIVERS), "")


def _check_btrfs(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if btrfs is mounted or listed in fstab."""
    mounts = facts.guest.mounts if facts.guest else None
    entries = linux_fact(facts, lambda guest: guest.fstab)
    if mounts is None and entries is None:
        return FactUnknown("the guest did not list its file systems")
    found = [m.mount_point for m in mounts or () if m.file_system == "btrfs"]
    found += [e.mount_point for e in entries or () if e.file_system == "btrfs"]
    return RuleFailed(f"btrfs on {shortened_list(tuple(dict.fromkeys(found)))}") if found else PASSED


def _check_network_mounts(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports NFS and CIFS shares, mounted or in fstab."""
    mounts = facts.guest.mounts if facts.guest else None
    entries = linux_fact(facts, lambda guest: guest.fstab)
    if mounts is None or entries is None:
        return FactUnknown("the guest did not list its file systems")
    kinds = ("nfs", "nfs4", "cifs")
    found = [m.mount_point for m in mounts if m.file_system in kinds]
    found += [e.mount_point for e in entries if e.file_system in kinds]
    return outcome_of_list(tuple(dict.fromkeys(found)), "")


def _check_pam_modules(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if /etc/pam.d names a module that no longer exists in Red Hat 8."""
    modules = linux_fact(facts, lambda guest: guest.pam_modules)
    if modules is None:
        return FactUnknown("the guest did not show /etc/pam.d")
    return outcome_of_list(sorted({each.removesuffix(".so") for each in modules} & REMOVED_PAM_MODULES), "")


def _check_root_login(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if sshd_config does not set PermitRootLogin, because the default changes with the upgrade."""
    word = linux_fact(facts, lambda guest: guest.permit_root_login)
    return outcome_of_flag(
        None if word is None else word == "", "sshd_config has no PermitRootLogin", "the guest did not show sshd_config"
    )


RULES = (
    Rule(
        code="Guest.VarNoExec",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="/var is mounted noexec",
        asks="/var is mounted noexec",
        why="The upgrade runs programs below /var; leapp refuses to start.",
        remedy="Remove noexec from the entry in /etc/fstab until the end of the migration, and remount.",
        source="leapp: check_mount_options",
        check=_check_var_executable,
        applies=is_linux,
        command="mount -o remount,exec /var",
    ),
    Rule(
        code="Guest.DriversRemoved",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Loaded drivers do not exist in release 8",
        asks="loaded drivers do not exist in release 8",
        why="leapp refuses to start while these drivers are loaded. On ECS, the system loads some of these drivers without "
        "using them.",
        remedy="Unload the drivers that no device uses.",
        source="leapp: check_detected_devices_and_drivers",
        check=_check_removed_drivers,
        applies=is_upgrade_from_release_7,
        severity_on=severity_on_hop_to_red_hat,
        command="modprobe -r floppy pata_acpi",
    ),
    Rule(
        code="Guest.FileSystemRemoved",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="A file system is not supported by the destination",
        asks="a file system is not supported by the destination",
        why="Red Hat removed btrfs in release 8. leapp refuses to start, and the file system would not mount.",
        remedy="Copy the data to ext4 or XFS first.",
        source="leapp: check_btrfs",
        check=_check_btrfs,
        applies=is_linux_upgrade,
        severity_on=lambda hop: Severity.OVERRIDABLE if is_hop_to_red_hat(hop) else Severity.WARNING,
        command="findmnt -t btrfs",
    ),
    Rule(
        code="Guest.NetworkMounts",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Network file systems are mounted",
        asks="network file systems are mounted",
        why="leapp refuses to start while NFS or CIFS is mounted or in fstab, because the network is down during its restarts.",
        remedy="Unmount these file systems, and comment out their lines in /etc/fstab during the migration.",
        source="leapp: check_nfs, check_cifs",
        check=_check_network_mounts,
        applies=is_linux_upgrade,
        severity_on=severity_on_hop_to_red_hat,
        command="findmnt -t nfs,nfs4,cifs",
    ),
    Rule(
        code="Guest.EncryptedInside",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The guest encrypts devices itself",
        asks="the guest encrypts devices itself",
        why="A restart that needs a passphrase never completes, and leapp refuses LUKS devices.",
        remedy="Make sure that the devices open without a person, and try the migration on a copy first.",
        source="leapp: check_luks",
        check=linux_list_check(lambda guest: guest.encrypted_devices, "the guest was not searched for encrypted devices"),
        applies=is_linux,
        command="cat /etc/crypttab; lsblk -f",
    ),
    Rule(
        code="Guest.PamModulesRemoved",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="PAM modules do not exist in release 8",
        asks="PAM modules do not exist in release 8",
        why="leapp refuses to start, because every login that needs a missing module would fail.",
        remedy="Replace these modules in /etc/pam.d, for example pam_tally2 by pam_faillock.",
        source="leapp: check_removed_pam_modules",
        check=_check_pam_modules,
        applies=is_upgrade_from_release_7,
        command="grep -rE 'pam_(tally2|pkcs11|krb5)' /etc/pam.d",
    ),
    Rule(
        code="Guest.RootLoginImplicit",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="sshd_config does not say whether root may log in",
        asks="sshd_config says whether root may log in",
        why="In newer releases, the default refuses root's password. Therefore leapp requires an explicit line.",
        remedy="Write PermitRootLogin into /etc/ssh/sshd_config, with the value that you want after the migration.",
        source="leapp: openssh_permit_root_login",
        check=_check_root_login,
        applies=is_linux_upgrade,
        severity_on=severity_on_hop_to_red_hat,
        command="sshd -T | grep -i permitrootlogin",
    ),
    Rule(
        code="Guest.FipsEnabled",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The kernel runs in FIPS mode",
        asks="the kernel runs in FIPS mode",
        why="leapp refuses to start in FIPS mode.",
        remedy="Turn FIPS mode off, migrate, and turn it on again.",
        source="leapp: check_fips",
        check=_check_fips_mode,
        applies=is_linux_upgrade,
        command="sysctl crypto.fips_enabled; cat /proc/cmdline",
    ),
    Rule(
        code="Guest.FstabOrder",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="A line of fstab hides the mount of an earlier line",
        asks="a line of fstab hides the mount of an earlier line",
        why="leapp refuses to start. It mounts everything in the order of fstab, so that a later mount would hide an earlier one.",
        remedy="Put / first, and each mount point after its parent folder. Delete repeated lines.",
        source="leapp: incorrect order of entries or duplicate entries in /etc/fstab",
        check=_check_hidden_mount_points,
        applies=is_linux_upgrade,
        command="findmnt --fstab --evaluate",
    ),
    Rule(
        code="Guest.ClusterNode",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The instance is a node of a high-availability cluster",
        asks="the instance is a node of a high-availability cluster",
        why="leapp refuses to start on nodes of Pacemaker. While one node restarts, the other nodes take over its services, and a "
        "rollback would restore an old state of the cluster.",
        remedy="Remove the node from the cluster first, and add the node again afterwards.",
        source="leapp: check_ha_cluster",
        check=_check_cluster_services,
        applies=is_linux,
        command="pcs status; pcs cluster stop; pcs cluster disable",
    ),
)
