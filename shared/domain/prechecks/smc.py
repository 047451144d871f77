"""Rules from SMC's own support pages, for hops to any system that corresponds to Red Hat 8 or 9."""

from __future__ import annotations

import re

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import linux_fact, linux_list_check, outcome_of_list
from shared.domain.prechecks.hops import is_hop_to_newer_kernel, severity_between_major_versions
from shared.domain.prechecks.rule import PASSED, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed, is_linux

SUPPORT = "https://www.alibabacloud.com/help/en/smc/support/"
REMOVED_XFS_OPTIONS = frozenset(
    ("nodelaylog", "delaylog", "ihashsize", "irixsgid", "osyncisdsync", "osyncisosync", "nobarrier", "barrier")
)


def _check_xfs_options(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if an XFS entry of fstab has a removed option. For the type ``auto``, the current mount shows whether the file system
    is XFS."""
    entries = linux_fact(facts, lambda guest: guest.fstab)
    if entries is None:
        return FactUnknown("the guest did not show /etc/fstab")
    mounted = {m.mount_point: m.file_system for m in (facts.guest.mounts if facts.guest else None) or ()}
    used = [
        f"{option} on {entry.mount_point}"
        for entry in entries
        if entry.file_system == "xfs" or (entry.file_system == "auto" and mounted.get(entry.mount_point) == "xfs")
        for option in entry.options.split(",")
        if option.partition("=")[0] in REMOVED_XFS_OPTIONS
    ]
    return outcome_of_list(used, "")


def _check_interface_names(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if there are several ethX interfaces, unless the kernel argument net.ifnames=0 keeps their names."""
    interfaces = facts.guest.interfaces if facts.guest else None
    arguments = linux_fact(facts, lambda guest: guest.kernel_arguments)
    if interfaces is None:
        return FactUnknown("the guest did not list its network interfaces")
    kernel_named = [each.name for each in interfaces if re.fullmatch(r"eth\d+", each.name)]
    physical = [
        each.name for each in interfaces if each.mac and not re.match(r"(docker|br-|veth|virbr|bond|cali|tun|tap)", each.name)
    ]
    if len(physical) < 2 or not kernel_named:
        return PASSED
    if arguments is None:
        return FactUnknown(f"{', '.join(kernel_named)}; the kernel's arguments are not known")
    return PASSED if "net.ifnames=0" in arguments.split() else RuleFailed(f"{', '.join(kernel_named)} without net.ifnames=0")


RULES = (
    Rule(
        code="Guest.XfsOptionsRemoved",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="fstab has XFS options that the new kernel refuses",
        asks="fstab has XFS options that the new kernel refuses",
        why='SMC ends the job with "Deprecated XFS mount options present in FSTAB". With kernel 4.19 or later, the file system '
        "does not mount, and the boot ends in the emergency shell.",
        remedy="Remove the options from /etc/fstab. They have no effect on the present kernel either.",
        source="SMC support: deprecated XFS mount options; leapp: check_fstab_xfs_options",
        check=_check_xfs_options,
        applies=is_hop_to_newer_kernel,
        command="grep xfs /etc/fstab",
        link=SUPPORT + "how-to-do-if-the-deprecated-xfs-mount-options-present-in-fstab-error-message-appears",
    ),
    Rule(
        code="Guest.InterfaceNamesUnstable",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Several ethX interfaces may change their names",
        asks="the names of several ethX interfaces would change",
        why='SMC ends the job with "Unsupported network configuration", because the order of eth0 and eth1 may change at '
        "the restart.",
        remedy="Add net.ifnames=0 to GRUB_CMDLINE_LINUX in /etc/default/grub, write the GRUB configuration, and restart.",
        source="SMC support: unsupported network configuration; leapp: persistentnetnamesdisable",
        check=_check_interface_names,
        applies=is_linux,
        severity_on=severity_between_major_versions,
        command="cat /proc/cmdline; grub2-mkconfig -o /boot/grub2/grub.cfg",
        link=SUPPORT + "what-should-i-do-if-the-log-shows-unsupported-network-configuration",
    ),
    Rule(
        code="Guest.AbsoluteLinkInRoot",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The root folder contains a link with an absolute path",
        asks="the root folder contains a link with an absolute path",
        why='SMC ends the job with "Upgrade requires links in root directory to be relative": the tool reads the system from '
        "outside, so it follows an absolute link to the wrong folder.",
        remedy="Make each link relative, for example ln -snf data/app /app.",
        source="SMC support: links in the root directory; leapp: check_root_symlinks",
        check=linux_list_check(lambda guest: guest.root_links, "the guest did not list the links in /"),
        applies=is_linux,
        severity_on=severity_between_major_versions,
        command="find / -maxdepth 1 -type l -lname '/*' -ls",
        link=SUPPORT + "error-prompt-upgrade-requires-links-in-root-directory-to-be-relative",
    ),
    Rule(
        code="Guest.RepositoryDefinedTwice",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="A repository is defined twice",
        asks="a repository is defined twice",
        why='SMC ends the job with "A YUM/DNF repository defined multiple times".',
        remedy="Remove the redundant .repo file, or give one of the repositories another id.",
        source="SMC support: repository defined multiple times; leapp: repositories_mapping",
        check=linux_list_check(lambda guest: guest.duplicate_repositories, "the guest did not list its repositories"),
        applies=is_linux,
        severity_on=severity_between_major_versions,
        command="grep -h '^\\[' /etc/yum.repos.d/*.repo | sort | uniq -d",
        link=SUPPORT + "what-should-i-do-if-the-log-says-a-yum-dnf-repository-defined-multiple-times",
    ),
)
