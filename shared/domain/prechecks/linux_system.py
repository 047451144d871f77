"""Rules on the configuration of a Linux guest: network, programs, services, and files that an earlier attempt left."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import linux_fact, linux_list_check, outcome_of_flag, shortened_list
from shared.domain.prechecks.rule import PRACTICE, NeededFacts, Outcome, Rule, is_linux


def has_python_2(facts: Facts) -> bool:
    """Whether the command ``python`` is Python 2 on the source of the hop."""
    return facts.hop.source in ("centos-7", "rhel-7", "alinux-2")


def _check_firewall(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports which firewall is running."""
    firewall = facts.guest.firewall if facts.guest else None
    return outcome_of_flag(
        None if firewall is None else bool(firewall), f"{firewall} runs", "the guest did not report whether a firewall runs"
    )


def _check_proxy(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports the file or setting that configures a proxy."""
    proxy = linux_fact(facts, lambda guest: guest.proxy)
    return outcome_of_flag(None if proxy is None else bool(proxy), f"set in {proxy}", "the guest did not report its proxy settings")


def _check_selinux(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if SELinux is enforcing."""
    mode = linux_fact(facts, lambda guest: guest.selinux)
    return outcome_of_flag(
        None if mode is None else mode == "enforcing", "mode enforcing", "the guest did not report the mode of SELinux"
    )


def _check_time_service(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if no time service runs."""
    synchronised = linux_fact(facts, lambda guest: guest.clock_synchronised)
    return outcome_of_flag(
        None if synchronised is None else not synchronised, "no time service runs", "the guest did not list its services"
    )


def _check_package_manager(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if a process holds a lock of yum, dnf or PackageKit."""
    holders = linux_fact(facts, lambda guest: guest.lock_holders) or ()
    return outcome_of_flag(
        linux_fact(facts, lambda guest: guest.package_manager_busy),
        shortened_list(holders) or "yum or dnf is running",
        "the guest did not report whether the package manager is busy",
    )


RULES = (
    Rule(
        code="Guest.InterfacePinned",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The configuration pins interface names",
        asks="the configuration pins interface names",
        why="The new system may name interfaces differently. An interface whose configuration is pinned to the old name or "
        "hardware address then gets no configuration.",
        remedy="Remove the fixed names, or make sure that the console (VNC) works.",
        source=PRACTICE,
        check=linux_list_check(lambda guest: guest.interface_pins, "the guest did not show its network configuration"),
        applies=is_linux,
        command="grep -l HWADDR /etc/sysconfig/network-scripts/ifcfg-*",
    ),
    Rule(
        code="Guest.CompiledPrograms",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Some programs belong to no package",
        asks="some programs belong to no package",
        why="Alibaba Cloud Linux 3 has GCC 10.2, binutils 2.35 and glibc 2.32; programs of the old system are not guaranteed "
        "to run.",
        remedy="Compile such programs again and test them, first on a copy of the instance. Ask the vendor of a hosting "
        "panel whether it supports the destination.",
        source="feature table: C/C++ programs",
        check=linux_list_check(lambda guest: guest.compiled_programs, "the guest was not searched for programs outside packages"),
        applies=is_linux,
        link="https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
    ),
    Rule(
        code="Guest.Python2Users",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Programs use Python 2",
        asks="programs use Python 2",
        why="Such programs fail after the migration, often unnoticed, for example when cron runs them at night.",
        remedy="Change the programs to python3, or to python2 if the destination still has it.",
        source=PRACTICE,
        check=linux_list_check(lambda guest: guest.python2_users, "the guest was not searched for programs that use Python"),
        applies=has_python_2,
    ),
    Rule(
        code="Guest.FirewallActive",
        severity=Severity.INFO,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="A firewall is running",
        asks="a firewall is running",
        why="A firewall may block the servers that the migration needs. Afterwards, the validation only compares whether a "
        "firewall runs, not its rules.",
        remedy="Make sure that outgoing HTTPS is allowed, and save the rules.",
        source="drill items: firewall",
        check=_check_firewall,
        applies=is_linux,
        command="iptables-save; nft list ruleset",
    ),
    Rule(
        code="Guest.ProxySet",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="A proxy is configured",
        asks="a proxy is configured",
        why="The migration's downloads would go through this proxy.",
        remedy="Remove the proxy during the migration, or make sure that the proxy allows the mirrors.",
        source="drill items: proxy",
        check=_check_proxy,
        applies=is_linux,
        command="env | grep -i proxy; grep proxy /etc/yum.conf",
    ),
    Rule(
        code="Guest.SelinuxEnforcing",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="SELinux is enforcing",
        asks="SELinux is enforcing",
        why="Replaced files may have wrong labels, so that services fail after the restart.",
        remedy="Set SELinux to permissive during the migration.",
        source="ECS usage notes: SELinux",
        check=_check_selinux,
        applies=is_linux,
        command="setenforce 0; sed -i s/^SELINUX=enforcing/SELINUX=permissive/ /etc/selinux/config",
    ),
    Rule(
        code="Guest.ClockNotSynchronised",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The clock is not synchronised",
        asks="the clock is synchronised",
        why="With a wrong clock, the checks of certificates and signatures fail.",
        remedy="Start chronyd or ntpd.",
        source=PRACTICE,
        check=_check_time_service,
        applies=is_linux,
        command="systemctl enable --now chronyd",
    ),
    Rule(
        code="Guest.PackageManagerBusy",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="The package manager is running",
        asks="the package manager is running",
        why="Two transactions at once destroy the package database.",
        remedy="Wait until the package manager has finished. If the process number in a lock file now belongs to another "
        "program, delete the lock file.",
        source=PRACTICE,
        check=_check_package_manager,
        applies=is_linux,
        command="grep -s . /var/run/yum.pid /var/lib/dnf/*.pid /var/cache/dnf/*.pid /run/dnf-*.lock",
    ),
    Rule(
        code="Guest.LeftoversOfEarlierAttempt",
        severity=Severity.OVERRIDABLE,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Files of an earlier attempt are left",
        asks="files of an earlier attempt are left",
        why="Such files fill /boot, or make the tool believe that a migration is under way.",
        remedy="Remove the files that the earlier tool left.",
        source=PRACTICE,
        check=linux_list_check(lambda guest: guest.leftovers, "the guest was not searched for files of an earlier attempt"),
        applies=is_linux,
    ),
    Rule(
        code="Guest.ModuleStreams",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Module streams are enabled",
        asks="module streams are enabled",
        why="The destination may not have the same streams. The packages of a missing stream stay as they are.",
        remedy="Compare the streams with `dnf module list` on the destination.",
        source=PRACTICE,
        check=linux_list_check(lambda guest: guest.dnf_modules, "the guest was not searched for module streams"),
        applies=is_linux,
        command="dnf module list --enabled",
    ),
)
