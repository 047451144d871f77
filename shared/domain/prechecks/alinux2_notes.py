"""Notes on CentOS 7 to Alibaba Cloud Linux 2. Source: supported paths and kernels."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.rule import Failed, Needs, Outcome, Rule


def to_alinux_2(facts: Facts) -> bool:
    """The one hop these notes are about."""
    return (facts.hop.source, facts.hop.destination) == ("centos-7", "alinux-2")


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Always told for this hop."""
    return Failed("kernel 3.10 becomes 4.19; x86 only; the release left support on 2026-03-31")


RULE = Rule(
    code="Guest.AlinuxTwoDestination",
    severity=Severity.WARNING,
    unknown=None,
    needs=Needs.INSTANCE,
    title="Alibaba Cloud Linux 2 is a short stop",
    why="It is close to CentOS 7 and the least change, but out of support; the next hop is to Alibaba Cloud Linux 3.",
    remedy="Prefer Alibaba Cloud Linux 3, unless a program needs the old libraries.",
    source="supported paths; kernels",
    check=check,
    applies=to_alinux_2,
)
