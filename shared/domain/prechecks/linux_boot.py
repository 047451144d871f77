"""Rules on the parts that a Linux guest needs for its next start: file systems, kernel, boot loader and fstab."""

from __future__ import annotations

import re

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.fstab import is_required_at_boot, refers_to_device
from shared.domain.prechecks.ask import (
    linux_fact,
    linux_flag_check,
    linux_list_check,
    outcome_of_flag,
    outcome_of_list,
    shortened_list,
)
from shared.domain.prechecks.hops import major_version, severity_of_conversion
from shared.domain.prechecks.rule import PASSED, PRACTICE, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed, is_linux

BASE_KERNELS = {7: "3.10.0-", 8: "4.18.0-"}
"""The kernels that CentOS and Red Hat ship, by major version."""
INODES_NEEDED = {"/boot": 50, "/usr": 10_000, "/var": 10_000}


def _check_free_inodes(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if a file system has fewer free inodes than the estimated need of the new packages."""
    guest = facts.guest
    mounts = {m.mount_point: (m, d) for d in INODES_NEEDED if guest and (m := guest.mount_of_path(d))}
    counted = [(m, d) for m, d in mounts.values() if m.inodes_free is not None]
    if not counted:
        return FactUnknown("the guest did not report its free inodes")
    return outcome_of_list(
        [
            f"{m.mount_point}: {m.inodes_free} free, {INODES_NEEDED[d]} needed"
            for m, d in counted
            if (m.inodes_free or 0) < INODES_NEEDED[d]
        ],
        "",
    )


def _check_file_systems_writable(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the file system of /, /usr, /var or /boot is read-only."""
    guest = facts.guest
    if guest is None or guest.mounts is None:
        return FactUnknown("the guest did not list its file systems")
    held = {m.mount_point for d in ("/", "/usr", "/var", "/boot") if (m := guest.mount_of_path(d)) and m.read_only}
    return outcome_of_list(sorted(held), "")


def _check_kernel_has_package(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if no installed package owns the running kernel."""
    packaged = linux_fact(facts, lambda guest: guest.boot.kernel_packaged if guest.boot else None)
    kernel = facts.guest.kernel if facts.guest else None
    return outcome_of_flag(
        None if packaged is None else not packaged,
        f"kernel {kernel} belongs to no package",
        "the guest did not report whether a package owns the kernel",
    )


def _check_boot_files(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if GRUB has no configuration, if /boot holds no kernel, or if a needed kernel has no initramfs."""
    boot = linux_fact(facts, lambda guest: guest.boot)
    kernel = facts.guest.kernel if facts.guest else None
    if boot is None or boot.grub_config is None:
        return FactUnknown("the guest did not report how it boots")
    problems = [] if boot.grub_config else ["no GRUB configuration was found"]
    problems += [] if boot.images else ["/boot holds no kernel"]
    problems += [f"no initramfs for {v}" for v in boot.missing_initramfs if v in (kernel, boot.default_kernel)]
    return outcome_of_list(problems, "")


def _check_default_kernel(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if GRUB would start a kernel other than the running kernel."""
    default = linux_fact(facts, lambda guest: guest.boot.default_kernel if guest.boot else None)
    kernel = facts.guest.kernel if facts.guest else None
    if default is None or kernel is None:
        return FactUnknown("the default kernel is not known")
    return PASSED if default == kernel else RuleFailed(f"{kernel} runs, {default} is the default")


def _check_fstab_devices(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for fstab entries whose device does not exist."""
    entries = linux_fact(facts, lambda guest: guest.fstab)
    if entries is None:
        return FactUnknown("the guest did not show /etc/fstab")
    missing = [f"{e.spec} on {e.mount_point}" for e in entries if e.present is False and is_required_at_boot(e)]
    if missing:
        return RuleFailed(shortened_list(missing))
    blind = [e for e in entries if e.present is None and is_required_at_boot(e) and refers_to_device(e)]
    return FactUnknown(f"{len(blind)} devices could not be checked") if blind else PASSED


def _check_kernel_vendor(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the running kernel is not the kernel that the source's distribution ships."""
    kernel = facts.guest.kernel if facts.guest else None
    vendor = linux_fact(facts, lambda guest: guest.kernel_vendor)
    base = BASE_KERNELS.get(major_version(facts.hop.source) or 0)
    if kernel is None or base is None or facts.hop.source == "alinux-2":
        return FactUnknown("the guest did not report its running kernel") if kernel is None else PASSED
    strange = [word for word in ("uek", ".rt", "linode") if word in kernel]
    own = not vendor or re.search("CentOS|Red ?Hat", vendor)
    if strange or not own or not kernel.startswith(base):
        return RuleFailed(f"{kernel} runs; this release has {base}*" + (f" (from {vendor})" if vendor else ""))
    return PASSED


RULES = (
    Rule(
        code="Guest.InodesTooFew",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Too few free inodes",
        asks="enough inodes are free",
        why="Without free inodes no file can be created, even if space is free. The package transaction fails half way.",
        remedy="Delete small files, e.g. old sessions and caches.",
        source=PRACTICE,
        check=_check_free_inodes,
        applies=is_linux,
        command="df -i",
    ),
    Rule(
        code="Guest.FileSystemReadOnly",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="A system file system is read-only",
        asks="the system's file systems are writable",
        why="The migration cannot replace files on a read-only file system. The cause may also be a damaged disk.",
        remedy="Find the cause, then mount the file system writable.",
        source=PRACTICE,
        check=_check_file_systems_writable,
        applies=is_linux,
        command="mount -o remount,rw /",
    ),
    Rule(
        code="Guest.KernelModulesOutOfTree",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Kernel modules from other sources are loaded",
        asks="kernel modules from other sources are loaded",
        why="The new kernel (5.10 on Alibaba Cloud Linux 3, 3.10 on CentOS 7, 4.18 on CentOS 8) cannot load such modules. On hops "
        "to Red Hat, convert2rhel stops with TAINTED_KMODS.",
        remedy="Get each module for the new kernel, or remove the module.",
        source="feature table: kernel modules; convert2rhel: TAINTED_KMODS",
        check=linux_list_check(lambda guest: guest.modules_out_of_tree, "the guest did not list its kernel modules"),
        applies=is_linux,
        severity_on=severity_of_conversion,
        command="lsmod; modinfo NAME",
        link="https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
    ),
    Rule(
        code="Guest.GpuDriver",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="A GPU driver is loaded",
        asks="a GPU driver is loaded",
        why="The driver does not work with the new kernel. The GPU is unusable until a driver for the new kernel is installed.",
        remedy="Plan to install the driver for the new kernel after the migration.",
        source=PRACTICE,
        check=linux_flag_check(lambda guest: guest.gpu, "the NVIDIA driver is loaded", "the guest did not list its kernel modules"),
        applies=is_linux,
        command="nvidia-smi",
    ),
    Rule(
        code="Guest.KernelSelfBuilt",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The running kernel belongs to no package",
        asks="the running kernel belongs to a package",
        why="The migration replaces packages only. A kernel without a package stays the default, and boots again afterwards.",
        remedy="Boot the distribution's kernel before the migration.",
        source=PRACTICE,
        check=_check_kernel_has_package,
        applies=is_linux,
        command="rpm -q kernel; uname -r",
    ),
    Rule(
        code="Guest.BootNotReady",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The system may not boot again",
        asks="the system will boot again",
        why="The migration restarts the instance several times. If the system cannot boot now, it will not boot during the "
        "migration.",
        remedy="Create the missing files again, and restart once as a test.",
        source=PRACTICE,
        check=_check_boot_files,
        applies=is_linux,
        command="dracut -f; grub2-mkconfig -o /boot/grub2/grub.cfg",
    ),
    Rule(
        code="Guest.DefaultKernelDiffers",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Another kernel is the default",
        asks="the running kernel is the default",
        why="The next start would boot a kernel that nobody has tried, in the middle of the migration.",
        remedy="Restart once before the migration, or make the running kernel the default.",
        source=PRACTICE,
        check=_check_default_kernel,
        applies=is_linux,
        command="grubby --default-kernel",
    ),
    Rule(
        code="Guest.FstabWillNotMount",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="An fstab entry will not mount",
        asks="every fstab entry mounts",
        why="If a device is missing, the boot ends in an emergency shell that nobody can reach.",
        remedy="Correct or delete the entry, or add the option nofail.",
        source=PRACTICE,
        check=_check_fstab_devices,
        applies=is_linux,
        command="findmnt --verify",
    ),
    Rule(
        code="Guest.KernelNotDistributions",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The running kernel is not the distribution's",
        asks="the running kernel is the distribution's",
        why="convert2rhel stops with RHEL_COMPATIBLE_KERNEL, because it accepts only the kernel version that Red Hat ships.",
        remedy="Install the distribution's kernel, make it the default, and restart.",
        source="convert2rhel: RHEL_COMPATIBLE_KERNEL",
        check=_check_kernel_vendor,
        applies=lambda facts: is_linux(facts) and facts.hop.source.startswith(("centos-", "rhel-")),
        severity_on=severity_of_conversion,
        command="uname -r; yum install kernel; grubby --default-kernel",
    ),
)
