"""Rules on the requirements of a hop from CentOS to Red Hat."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import family_hop_condition, linux_fact, linux_flag_check, linux_list_check, outcome_of_flag
from shared.domain.prechecks.hops import is_linux_upgrade, is_upgrade
from shared.domain.prechecks.rule import PASSED, FactUnknown, NeededFacts, Outcome, Rule, RuleFailed

MIRROR = "aliyun"
_to_red_hat = family_hop_condition("centos", "rhel")


def _check_mirror(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if the base repositories are not on the required mirror."""
    repositories = linux_fact(facts, lambda guest: guest.repositories)
    if repositories is None:
        return FactUnknown("the guest did not list its repositories")
    return (
        PASSED
        if any(MIRROR in url for _, url in repositories)
        else RuleFailed(f"{len(repositories)} repositories, none of them on {MIRROR}")
    )


def _check_newest_kernel_runs(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if a newer kernel than the running kernel is installed."""
    newest = ", ".join(linux_fact(facts, lambda guest: guest.boot.images if guest.boot else None) or ())
    pending = linux_fact(facts, lambda guest: guest.reboot_pending)
    running = facts.guest.kernel if facts.guest else None
    return outcome_of_flag(pending, f"{running} runs, installed: {newest}", "the guest did not report its installed kernels")


RULES = (
    Rule(
        code="Guest.RepositoryNotMirror",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.WARNING,
        needs=NeededFacts.GUEST,
        title="yum does not use Alibaba Cloud's mirrors",
        asks="yum uses Alibaba Cloud's mirrors",
        why="The conversion compares every package with these repositories, and stops if they do not answer.",
        remedy="Configure yum to use mirrors.aliyun.com (release 7) or mirrors.cloud.aliyuncs.com (release 8).",
        source="CentOS to RHEL: before starting",
        check=_check_mirror,
        applies=family_hop_condition("centos", "rhel"),
    ),
    Rule(
        code="Guest.SecurityAgent",
        severity=Severity.ERROR,
        unknown=Severity.OVERRIDABLE,
        needs=NeededFacts.GUEST,
        title="The Security Center agent is running",
        asks="the Security Center agent is running",
        why="The agent's kernel module stops the conversion.",
        remedy="Uninstall the agent. You may install it again afterwards.",
        source="CentOS to RHEL: before starting",
        check=linux_flag_check(
            lambda guest: guest.security_agent,
            "the agent runs, or its kernel module is loaded",
            "the guest did not report whether the agent is installed",
        ),
        applies=family_hop_condition("centos", "rhel"),
    ),
    Rule(
        code="Guest.UpdatesPending",
        severity=Severity.ERROR,
        unknown=Severity.WARNING,
        needs=NeededFacts.GUEST,
        title="Updates are pending",
        asks="updates are pending",
        why="The conversion compares every package with its newest version, and stops at an older package.",
        remedy="Install the updates and restart.",
        source="CentOS to RHEL: before starting",
        check=linux_flag_check(
            lambda guest: guest.updates_pending,
            "the package manager offers updates",
            "the guest was not searched for pending updates",
        ),
        applies=family_hop_condition("centos", "rhel"),
        command="yum -y update && reboot",
    ),
    Rule(
        code="Guest.RebootPending",
        severity=Severity.ERROR,
        unknown=Severity.OVERRIDABLE,
        needs=NeededFacts.GUEST,
        title="A newer kernel is installed but not running",
        asks="a newer kernel is installed but not running",
        why="The conversion requires that the newest kernel runs. Between major versions, leapp requires the same.",
        remedy="Make the newest kernel the default, and restart.",
        source="CentOS to RHEL: before starting; leapp: check_installed_kernels",
        check=_check_newest_kernel_runs,
        applies=lambda facts: _to_red_hat(facts) or is_linux_upgrade(facts),
        severity_on=lambda hop: Severity.WARNING if is_upgrade(hop) else Severity.ERROR,
        command="grubby --default-kernel; reboot",
    ),
    Rule(
        code="Guest.MountPointReadOnly",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="/mnt or /sys is mounted read-only",
        asks="/mnt and /sys are writable",
        why="convert2rhel stops with READ_ONLY_MOUNTS, because the package named filesystem writes to both folders.",
        remedy="Unmount /mnt, or mount its file system on a folder below /mnt.",
        source="convert2rhel: READ_ONLY_MOUNTS",
        check=linux_list_check(lambda guest: guest.read_only_mounts, "the guest did not list its mounts"),
        applies=family_hop_condition("centos", "rhel"),
        command="umount /mnt",
    ),
)
