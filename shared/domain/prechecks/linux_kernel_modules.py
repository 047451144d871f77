"""Kernel modules from outside the kernel. Source: feature table (not supported, does not block)."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import listed, of_linux
from shared.domain.prechecks.rule import Needs, Outcome, Rule, linux


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Tells the modules the kernel marks as out of tree."""
    return listed(of_linux(facts, lambda guest: guest.modules_out_of_tree), "the guest did not list its kernel modules")


RULE = Rule(
    code="Guest.KernelModulesOutOfTree",
    severity=Severity.WARNING,
    unknown=Severity.INFO,
    needs=Needs.GUEST,
    title="Kernel modules from elsewhere are loaded",
    why="The new kernel (5.10 on Alibaba Cloud Linux 3, 3.10 on CentOS 7, 4.18 on CentOS 8) cannot load them.",
    remedy="Get each for the new kernel, or do without.",
    source="feature table: kernel modules",
    check=check,
    applies=linux,
    command="lsmod; modinfo NAME",
    link="https://www.alibabacloud.com/help/en/smc/user-guide/migrate-an-operating-system",
)
