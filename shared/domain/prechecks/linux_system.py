"""Rules on the setup of a Linux guest: network, programs, services and leftovers."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import flag_outcome, linux_fact, linux_list_check, shortened_list
from shared.domain.prechecks.rule import PRACTICE, NeededFacts, Outcome, Rule, is_linux


def has_python_2(facts: Facts) -> bool:
    """Whether the command ``python`` is Python 2 on the source of the hop."""
    return facts.hop.source in ("centos-7", "rhel-7", "alinux-2")


def _check_firewall(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports the firewall that runs."""
    firewall = facts.guest.firewall if facts.guest else None
    return flag_outcome(None if firewall is None else bool(firewall), f"{firewall} runs", "whether a firewall runs was not told")


def _check_proxy(facts: Facts, catalog: Catalog) -> Outcome:
    """Reports the file or setting that configures a proxy."""
    proxy = linux_fact(facts, lambda guest: guest.proxy)
    return flag_outcome(None if proxy is None else bool(proxy), f"set in {proxy}", "whether a proxy is set was not told")


def _check_selinux(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if SELinux is enforcing."""
    mode = linux_fact(facts, lambda guest: guest.selinux)
    return flag_outcome(None if mode is None else mode == "enforcing", "mode enforcing", "the mode of SELinux was not told")


def _check_time_service(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if no time service runs."""
    synchronised = linux_fact(facts, lambda guest: guest.clock_synchronised)
    return flag_outcome(
        None if synchronised is None else not synchronised, "no time service runs", "the guest did not list its services"
    )


def _check_package_manager(facts: Facts, catalog: Catalog) -> Outcome:
    """Fails if a process holds a lock of yum, dnf or PackageKit."""
    holders = linux_fact(facts, lambda guest: guest.lock_holders) or ()
    return flag_outcome(
        linux_fact(facts, lambda guest: guest.package_manager_busy),
        shortened_list(holders) or "yum or dnf is running",
        "whether the package manager is busy was not told",
    )


RULES = (
    Rule(
        code="Guest.InterfacePinned",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Interface names are pinned",
        asks="interface names are pinned",
        why="The new system may name interfaces by other rules; what is pinned to a name or address is then not configured.",
        remedy="Take the pins out, or make sure that the console (VNC) works.",
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
        title="There are programs that no package owns",
        asks="there are programs that no package owns",
        why="Alibaba Cloud Linux 3 has GCC 10.2, binutils 2.35 and glibc 2.32; programs of the old system are not guaranteed "
        "to run.",
        remedy="Compile again and verify, best on a copy first. Ask the maker of a hosting panel whether it runs there.",
        source="feature table: C/C++ programs",
        check=linux_list_check(lambda guest: guest.compiled_programs, "programs outside packages were not looked for"),
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
        why="They fail silently in the first night when cron runs them.",
        remedy="Name python3, or python2 where it is still available.",
        source=PRACTICE,
        check=linux_list_check(lambda guest: guest.python2_users, "users of Python were not looked for"),
        applies=has_python_2,
    ),
    Rule(
        code="Guest.FirewallActive",
        severity=Severity.INFO,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="A firewall is running",
        asks="a firewall is running",
        why="It may keep the migration from its servers; its rules are compared afterwards only by whether it runs.",
        remedy="Make sure that outgoing HTTPS is open; note the rules.",
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
        why="Downloads of the migration would go through it.",
        remedy="Take it out for the time, or make sure that it lets the mirrors through.",
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
        why="Replaced files may carry wrong labels, and services fail after the restart.",
        remedy="Set it to permissive for the time.",
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
        why="Certificates and signatures are checked against it.",
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
        remedy="Wait until it is done. If another program has the process number in a lock file, delete that file.",
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
        title="Something is left of an earlier attempt",
        asks="something is left of an earlier attempt",
        why="It fills /boot or makes the tool believe that a migration is under way.",
        remedy="Clean up after the earlier tool.",
        source=PRACTICE,
        check=linux_list_check(lambda guest: guest.leftovers, "leftovers were not looked for"),
        applies=is_linux,
    ),
    Rule(
        code="Guest.ModuleStreams",
        severity=Severity.WARNING,
        unknown=Severity.INFO,
        needs=NeededFacts.GUEST,
        title="Module streams are enabled",
        asks="module streams are enabled",
        why="The destination may not have the same streams; their packages then stay as they are.",
        remedy="Compare with `dnf module list` of the destination.",
        source=PRACTICE,
        check=linux_list_check(lambda guest: guest.dnf_modules, "module streams were not looked for"),
        applies=is_linux,
        command="dnf module list --enabled",
    ),
)
