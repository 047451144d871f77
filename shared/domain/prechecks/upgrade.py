"""Rules from leapp, the tool for upgrades between major versions. See hops.py for their severity."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.fstab import hidden_mount_points
from shared.domain.prechecks.ask import flagged, linux_list, listed, names, of_linux
from shared.domain.prechecks.hops import on_red_hat, to_red_hat, upgrade, upgrade_from_7
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown, linux

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
"""Drivers that leapp names as removed in release 8, and those that virtual machines load."""
CLUSTER = frozenset(("pacemaker", "corosync", "cman", "rgmanager", "pacemaker_remote"))
REMOVED_PAM_MODULES = frozenset(("pam_tally2", "pam_pkcs11", "pam_krb5"))


def _var_no_exec(facts: Facts, catalog: Catalog) -> Outcome:
    """Looks at /var and everything below it, as mounted now and as listed in fstab."""
    guest, entries = facts.guest, of_linux(facts, lambda guest: guest.fstab)
    if guest is None or guest.mounts is None:
        return Unknown("the guest did not list its file systems")
    told = [(m.mount_point, m.options) for m in guest.mounts] + [(e.mount_point, e.options) for e in entries or ()]
    needed = {"/var", "/var/lib", "/var/lib/leapp"}
    return listed(
        list(dict.fromkeys(f"{point} has noexec" for point, options in told if point in needed and "noexec" in options.split(","))),
        "",
    )


def _fstab_order(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports mount points that a later line of fstab hides."""
    entries = of_linux(facts, lambda guest: guest.fstab)
    return listed(None if entries is None else hidden_mount_points(entries), "the guest did not show /etc/fstab")


def _fips_enabled(facts: Facts, catalog: Catalog) -> Outcome:
    """Looks at the kernel's own answer and at its arguments, which leapp reads."""
    arguments = of_linux(facts, lambda guest: guest.kernel_arguments)
    on = of_linux(facts, lambda guest: guest.fips)
    if "fips=1" in (arguments or "").split():
        return Failed("the kernel's arguments have fips=1")
    return flagged(on, "fips_enabled is 1", "the guest did not say whether FIPS mode is on")


def _cluster_node(facts: Facts, catalog: Catalog) -> Outcome:
    """Looks for the services of Pacemaker and Corosync."""
    services = facts.guest.services if facts.guest else None
    used = None if services is None else [s.name for s in services if s.name in CLUSTER and (s.enabled or s.active)]
    return listed(used, "the guest did not list its services")


def _drivers_removed(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the loaded modules with those that release 8 no longer has."""
    modules = of_linux(facts, lambda guest: guest.modules)
    if modules is None:
        return Unknown("the guest did not list its kernel modules")
    return listed(sorted(set(modules) & REMOVED_DRIVERS), "")


def _file_system_removed(facts: Facts, catalog: Catalog) -> Outcome:
    """Looks for btrfs among the mounts and in fstab."""
    mounts = facts.guest.mounts if facts.guest else None
    entries = of_linux(facts, lambda guest: guest.fstab)
    if mounts is None and entries is None:
        return Unknown("the guest did not list its file systems")
    found = [m.mount_point for m in mounts or () if m.file_system == "btrfs"]
    found += [e.mount_point for e in entries or () if e.file_system == "btrfs"]
    return Failed(f"btrfs on {names(tuple(dict.fromkeys(found)))}") if found else PASSED


def _network_mounts(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports NFS and CIFS shares, mounted or in fstab."""
    mounts = facts.guest.mounts if facts.guest else None
    entries = of_linux(facts, lambda guest: guest.fstab)
    if mounts is None or entries is None:
        return Unknown("the guest did not list its file systems")
    kinds = ("nfs", "nfs4", "cifs")
    found = [m.mount_point for m in mounts if m.file_system in kinds]
    found += [e.mount_point for e in entries if e.file_system in kinds]
    return listed(tuple(dict.fromkeys(found)), "")


def _pam_modules_removed(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the modules that /etc/pam.d names with those that release 8 no longer has."""
    modules = of_linux(facts, lambda guest: guest.pam_modules)
    if modules is None:
        return Unknown("the guest did not show /etc/pam.d")
    return listed(sorted({each.removesuffix(".so") for each in modules} & REMOVED_PAM_MODULES), "")


def _root_login_implicit(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if sshd_config relies on the default of PermitRootLogin, which changes."""
    word = of_linux(facts, lambda guest: guest.permit_root_login)
    return flagged(None if word is None else word == "", "sshd_config has no PermitRootLogin", "the guest did not show sshd_config")


RULES = (
    Rule(
        code="Guest.VarNoExec",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="/var is mounted noexec",
        asks="/var is mounted noexec",
        why="The upgrade runs programs below /var; leapp refuses to start.",
        remedy="Take noexec out of the entry in /etc/fstab until the migration is over, and remount.",
        source="leapp: check_mount_options",
        check=_var_no_exec,
        applies=linux,
        command="mount -o remount,exec /var",
    ),
    Rule(
        code="Guest.DriversRemoved",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="Loaded drivers do not exist in release 8",
        asks="loaded drivers do not exist in release 8",
        why="leapp refuses to start while they are loaded. On ECS they are loaded without being used.",
        remedy="Unload those that no device uses.",
        source="leapp: check_detected_devices_and_drivers",
        check=_drivers_removed,
        applies=upgrade_from_7,
        severity_on=on_red_hat,
        command="modprobe -r floppy pata_acpi",
    ),
    Rule(
        code="Guest.FileSystemRemoved",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="A file system is not supported by the destination",
        asks="a file system is not supported by the destination",
        why="Red Hat removed btrfs in release 8: leapp refuses to start, and the file system would not mount.",
        remedy="Copy the data to ext4 or XFS first.",
        source="leapp: check_btrfs",
        check=_file_system_removed,
        applies=upgrade,
        severity_on=lambda hop: Severity.OVERRIDABLE if to_red_hat(hop) else Severity.WARNING,
        command="findmnt -t btrfs",
    ),
    Rule(
        code="Guest.NetworkMounts",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="Network file systems are mounted",
        asks="network file systems are mounted",
        why="leapp refuses to start while NFS or CIFS is mounted or in fstab: its restarts have no network.",
        remedy="Unmount them and comment their lines in /etc/fstab out for the migration.",
        source="leapp: check_nfs, check_cifs",
        check=_network_mounts,
        applies=upgrade,
        severity_on=on_red_hat,
        command="findmnt -t nfs,nfs4,cifs",
    ),
    Rule(
        code="Guest.EncryptedInside",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="The guest encrypts devices itself",
        asks="the guest encrypts devices itself",
        why="A restart that waits for a passphrase never comes back; leapp refuses LUKS devices.",
        remedy="Make sure that the devices open without a person, and try it on a copy first.",
        source="leapp: check_luks",
        check=linux_list(lambda guest: guest.encrypted_devices, "encrypted devices were not looked for"),
        applies=linux,
        command="cat /etc/crypttab; lsblk -f",
    ),
    Rule(
        code="Guest.PamModulesRemoved",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="PAM modules do not exist in release 8",
        asks="PAM modules do not exist in release 8",
        why="A login that needs a missing module fails for everybody; leapp refuses to start.",
        remedy="Replace them in /etc/pam.d, for example pam_tally2 by pam_faillock.",
        source="leapp: check_removed_pam_modules",
        check=_pam_modules_removed,
        applies=upgrade_from_7,
        command="grep -rE 'pam_(tally2|pkcs11|krb5)' /etc/pam.d",
    ),
    Rule(
        code="Guest.RootLoginImplicit",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="Whether root may log in is left to sshd's default",
        asks="sshd_config says whether root may log in",
        why="The default of newer releases refuses root's password; leapp asks for an explicit line.",
        remedy="Write PermitRootLogin into /etc/ssh/sshd_config as it should be afterwards.",
        source="leapp: openssh_permit_root_login",
        check=_root_login_implicit,
        applies=upgrade,
        severity_on=on_red_hat,
        command="sshd -T | grep -i permitrootlogin",
    ),
    Rule(
        code="Guest.FipsEnabled",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="The kernel runs in FIPS mode",
        asks="the kernel runs in FIPS mode",
        why="leapp refuses to start in FIPS mode.",
        remedy="Turn FIPS mode off, migrate, and turn it on again.",
        source="leapp: check_fips",
        check=_fips_enabled,
        applies=upgrade,
        command="sysctl crypto.fips_enabled; cat /proc/cmdline",
    ),
    Rule(
        code="Guest.FstabOrder",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="A line of fstab hides one above it",
        asks="a line of fstab hides one above it",
        why="leapp refuses to start: where it mounts everything in this order, what was mounted first cannot be seen.",
        remedy="Put / first and each mount point behind the folder it is in; delete the line that stands there twice.",
        source="leapp: incorrect order of entries or duplicate entries in /etc/fstab",
        check=_fstab_order,
        applies=upgrade,
        command="findmnt --fstab --evaluate",
    ),
    Rule(
        code="Guest.ClusterNode",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="The instance is a node of a high-availability cluster",
        asks="the instance is a node of a high-availability cluster",
        why="leapp refuses to start on nodes of Pacemaker; while one restarts, the others take its services, and a rollback brings "
        "back an old view of the cluster.",
        remedy="Take the node out of the cluster first, and add it again afterwards.",
        source="leapp: check_ha_cluster",
        check=_cluster_node,
        applies=linux,
        command="pcs status; pcs cluster stop; pcs cluster disable",
    ),
)
