"""Rules on what a hop from CentOS to Red Hat demands."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import between, flagged, linux_flag, linux_list, of_linux
from shared.domain.prechecks.hops import is_upgrade, upgrade
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown

MIRROR = "aliyun"
_to_red_hat = between("centos", "rhel")


def _repository_not_mirror(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the base repositories are not on the required mirror."""
    repositories = of_linux(facts, lambda guest: guest.repositories)
    if repositories is None:
        return Unknown("the guest did not list its repositories")
    return (
        PASSED if any(MIRROR in url for _, url in repositories) else Failed(f"{len(repositories)} repositories, none on {MIRROR}")
    )


def _reboot_pending(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if a newer kernel is installed than the one that runs."""
    newest = ", ".join(of_linux(facts, lambda guest: guest.boot.images if guest.boot else None) or ())
    pending = of_linux(facts, lambda guest: guest.reboot_pending)
    running = facts.guest.kernel if facts.guest else None
    return flagged(pending, f"{running} runs, installed: {newest}", "which kernels are installed was not told")


RULES = (
    Rule(
        code="Guest.RepositoryNotMirror",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.WARNING,
        needs=Needs.GUEST,
        title="yum does not use Alibaba Cloud's mirrors",
        asks="yum uses Alibaba Cloud's mirrors",
        why="The conversion compares every package with these repositories and stops when they do not answer.",
        remedy="Point yum at mirrors.aliyun.com (7) or mirrors.cloud.aliyuncs.com (8).",
        source="CentOS to RHEL: before starting",
        check=_repository_not_mirror,
        applies=between("centos", "rhel"),
    ),
    Rule(
        code="Guest.SecurityAgent",
        severity=Severity.ERROR,
        unknown=Severity.OVERRIDABLE,
        needs=Needs.GUEST,
        title="The Security Center agent is at work",
        asks="the Security Center agent is at work",
        why="Its kernel module stops the conversion.",
        remedy="Uninstall it; it may be installed again afterwards.",
        source="CentOS to RHEL: before starting",
        check=linux_flag(
            lambda guest: guest.security_agent,
            "the agent runs, or its kernel module is loaded",
            "whether the agent is installed was not told",
        ),
        applies=between("centos", "rhel"),
    ),
    Rule(
        code="Guest.UpdatesPending",
        severity=Severity.ERROR,
        unknown=Severity.WARNING,
        needs=Needs.GUEST,
        title="Updates are pending",
        asks="updates are pending",
        why="The conversion compares every package with the newest; older ones stop it.",
        remedy="Install them and restart.",
        source="CentOS to RHEL: before starting",
        check=linux_flag(
            lambda guest: guest.updates_pending, "the package manager has updates", "pending updates were not asked for"
        ),
        applies=between("centos", "rhel"),
        command="yum -y update && reboot",
    ),
    Rule(
        code="Guest.RebootPending",
        severity=Severity.ERROR,
        unknown=Severity.OVERRIDABLE,
        needs=Needs.GUEST,
        title="A newer kernel waits for a restart",
        asks="a newer kernel waits for a restart",
        why="The conversion demands the newest kernel to be loaded; between major versions leapp demands it too.",
        remedy="Make the newest kernel the default, and restart.",
        source="CentOS to RHEL: before starting; leapp: check_installed_kernels",
        check=_reboot_pending,
        applies=lambda facts: _to_red_hat(facts) or upgrade(facts),
        severity_on=lambda hop: Severity.WARNING if is_upgrade(hop) else Severity.ERROR,
        command="grubby --default-kernel; reboot",
    ),
    Rule(
        code="Guest.MountPointReadOnly",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=Needs.GUEST,
        title="/mnt or /sys is mounted read-only",
        asks="/mnt and /sys are writable",
        why="convert2rhel stops with READ_ONLY_MOUNTS: the package filesystem writes to both.",
        remedy="Unmount what is on /mnt, or mount it on a folder below /mnt.",
        source="convert2rhel: READ_ONLY_MOUNTS",
        check=linux_list(lambda guest: guest.read_only_mounts, "the guest did not list its mounts"),
        applies=between("centos", "rhel"),
        command="umount /mnt",
    ),
)
