"""Rules on what the next start of a Linux guest needs: file systems, kernel, boot loader and fstab."""

from __future__ import annotations

import re

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.fstab import is_required_at_boot, names_a_device
from shared.domain.prechecks.ask import flagged, linux_flag, linux_list, listed, names, of_linux
from shared.domain.prechecks.hops import converting, major
from shared.domain.prechecks.rule import PASSED, PRACTICE, Failed, Needs, Outcome, Rule, Unknown, linux

BASE_KERNELS = {7: "3.10.0-", 8: "4.18.0-"}
"""The kernels that CentOS and Red Hat ship, by major version."""
INODES_NEEDED = {"/boot": 50, "/usr": 10_000, "/var": 10_000}


def _inodes_too_few(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the free inodes with our own minima, roughly what a set of packages needs."""
    guest = facts.guest
    mounts = {m.mount_point: (m, d) for d in INODES_NEEDED if guest and (m := guest.mount_holding(d))}
    counted = [(m, d) for m, d in mounts.values() if m.inodes_free is not None]
    if not counted:
        return Unknown("the guest did not count its inodes")
    return listed(
        [
            f"{m.mount_point}: {m.inodes_free} free, {INODES_NEEDED[d]} needed"
            for m, d in counted
            if (m.inodes_free or 0) < INODES_NEEDED[d]
        ],
        "",
    )


def _file_system_read_only(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the file system of /, /usr, /var or /boot is read-only."""
    guest = facts.guest
    if guest is None or guest.mounts is None:
        return Unknown("the guest did not list its file systems")
    held = {m.mount_point for d in ("/", "/usr", "/var", "/boot") if (m := guest.mount_holding(d)) and m.read_only}
    return listed(sorted(held), "")


def _kernel_self_built(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if no installed package owns the running kernel."""
    packaged = of_linux(facts, lambda guest: guest.boot.kernel_packaged if guest.boot else None)
    kernel = facts.guest.kernel if facts.guest else None
    return flagged(
        None if packaged is None else not packaged,
        f"kernel {kernel} belongs to no package",
        "whether the kernel comes from a package was not told",
    )


def _boot_not_ready(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for the first fault in the boot loader or the kernels that would stop a boot."""
    boot = of_linux(facts, lambda guest: guest.boot)
    kernel = facts.guest.kernel if facts.guest else None
    if boot is None or boot.grub_config is None:
        return Unknown("the guest did not tell how it boots")
    problems = [] if boot.grub_config else ["no GRUB configuration was found"]
    problems += [] if boot.images else ["/boot holds no kernel"]
    problems += [f"no initramfs for {v}" for v in boot.missing_initramfs if v in (kernel, boot.default_kernel)]
    return listed(problems, "")


def _default_kernel_differs(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the running kernel with the one that GRUB starts next."""
    default = of_linux(facts, lambda guest: guest.boot.default_kernel if guest.boot else None)
    kernel = facts.guest.kernel if facts.guest else None
    if default is None or kernel is None:
        return Unknown("the default kernel is not known")
    return PASSED if default == kernel else Failed(f"{kernel} runs, {default} is the default")


def _fstab_will_not_mount(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails for fstab entries whose device does not exist."""
    entries = of_linux(facts, lambda guest: guest.fstab)
    if entries is None:
        return Unknown("the guest did not show /etc/fstab")
    missing = [f"{e.spec} on {e.mount_point}" for e in entries if e.present is False and is_required_at_boot(e)]
    if missing:
        return Failed(names(missing))
    blind = [e for e in entries if e.present is None and is_required_at_boot(e) and names_a_device(e)]
    return Unknown(f"{len(blind)} devices could not be looked for") if blind else PASSED


def _kernel_not_distributions(facts: Facts, catalog: Catalog) -> Outcome:
    """Compares the running kernel with the one that the source's distribution ships."""
    kernel = facts.guest.kernel if facts.guest else None
    vendor = of_linux(facts, lambda guest: guest.kernel_vendor)
    base = BASE_KERNELS.get(major(facts.hop.source) or 0)
    if kernel is None or base is None or facts.hop.source == "alinux-2":
        return Unknown("the guest did not say which kernel runs") if kernel is None else PASSED
    strange = [word for word in ("uek", ".rt", "linode") if word in kernel]
    own = not vendor or re.search("CentOS|Red ?Hat", vendor)
    if strange or not own or not kernel.startswith(base):
        return Failed(f"{kernel} runs; this release has {base}*" + (f" (from {vendor})" if vendor else ""))
    return PASSED


RULES = (
    Rule(
        code="Guest.InodesTooFew",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="Too few free inodes",
        asks="enough inodes are free",
        why="Space is free but no file can be made: the package transaction fails half way.",
        remedy="Delete small files, e.g. old sessions and caches.",
        source=PRACTICE,
        check=_inodes_too_few,
        applies=linux,
        command="df -i",
    ),
    Rule(
        code="Guest.FileSystemReadOnly",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="A system file system is read-only",
        asks="the system's file systems are writable",
        why="Nothing can be replaced on it; it may also be a sign of a damaged disk.",
        remedy="Find out why; mount it writable.",
        source=PRACTICE,
        check=_file_system_read_only,
        applies=linux,
        command="mount -o remount,rw /",
    ),
    Rule(
        code="Guest.KernelModulesOutOfTree",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="Kernel modules from elsewhere are loaded",
        asks="kernel modules from elsewhere are loaded",
        why="The new kernel (5.10 on Alibaba Cloud Linux 3, 3.10 on CentOS 7, 4.18 on CentOS 8) cannot load them. On the way to "
        "Red Hat, convert2rhel stops with TAINTED_KMODS.",
        remedy="Get each for the new kernel, or do without.",
        source="feature table: kernel modules; convert2rhel: TAINTED_KMODS",
        check=linux_list(lambda guest: guest.modules_out_of_tree, "the guest did not list its kernel modules"),
        applies=linux,
        severity_on=converting,
        command="lsmod; modinfo NAME",
        link="https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
    ),
    Rule(
        code="Guest.GpuDriver",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="A GPU driver is loaded",
        asks="a GPU driver is loaded",
        why="It will not load with the new kernel; computing stops until it is installed again.",
        remedy="Plan to install the driver for the new kernel after the migration.",
        source=PRACTICE,
        check=linux_flag(lambda guest: guest.gpu, "the NVIDIA driver is loaded", "the guest did not list its kernel modules"),
        applies=linux,
        command="nvidia-smi",
    ),
    Rule(
        code="Guest.KernelSelfBuilt",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="The running kernel belongs to no package",
        asks="the running kernel belongs to a package",
        why="The migration replaces packages; a kernel of your own stays the default and is booted again afterwards.",
        remedy="Boot the distribution's kernel first.",
        source=PRACTICE,
        check=_kernel_self_built,
        applies=linux,
        command="rpm -q kernel; uname -r",
    ),
    Rule(
        code="Guest.BootNotReady",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="The system may not boot again",
        asks="the system would boot again",
        why="The migration restarts several times; a system that could not boot before will not boot after.",
        remedy="Rebuild what is missing, and restart once to prove it.",
        source=PRACTICE,
        check=_boot_not_ready,
        applies=linux,
        command="dracut -f; grub2-mkconfig -o /boot/grub2/grub.cfg",
    ),
    Rule(
        code="Guest.DefaultKernelDiffers",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="Another kernel is the default",
        asks="the running kernel is the default",
        why="The next start is with a kernel nobody has tried yet, and it will be in the middle of the migration.",
        remedy="Restart once before, or set the running kernel as default.",
        source=PRACTICE,
        check=_default_kernel_differs,
        applies=linux,
        command="grubby --default-kernel",
    ),
    Rule(
        code="Guest.FstabWillNotMount",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="An fstab entry will not mount",
        asks="every fstab entry mounts",
        why="A missing device stops the start in an emergency shell that nobody can reach.",
        remedy="Correct or delete the entry, or add nofail.",
        source=PRACTICE,
        check=_fstab_will_not_mount,
        applies=linux,
        command="findmnt --verify",
    ),
    Rule(
        code="Guest.KernelNotDistributions",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="The running kernel is not the distribution's",
        asks="the running kernel is the distribution's",
        why="convert2rhel stops with RHEL_COMPATIBLE_KERNEL: it takes only the kernel version that Red Hat ships.",
        remedy="Install the distribution's kernel, make it the default, and restart.",
        source="convert2rhel: RHEL_COMPATIBLE_KERNEL",
        check=_kernel_not_distributions,
        applies=lambda facts: linux(facts) and facts.hop.source.startswith(("centos-", "rhel-")),
        severity_on=converting,
        command="uname -r; yum install kernel; grubby --default-kernel",
    ),
)
