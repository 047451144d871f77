"""Every precheck rule, by subject, in the order of docs/rules.md."""

from __future__ import annotations

from shared.domain.prechecks import (
    account,
    disk,
    guest,
    instance,
    linux_boot,
    linux_packages,
    linux_resources,
    linux_system,
    rhel,
    route,
    servers,
    smc,
    upgrade,
    windows,
)
from shared.domain.prechecks.rule import Rule

SUBJECTS = (
    account,
    route,
    instance,
    disk,
    guest,
    linux_resources,
    linux_packages,
    servers,
    linux_boot,
    linux_system,
    rhel,
    smc,
    upgrade,
    windows,
)
"""The modules of rules, each with a table ``RULES``."""

RULES: tuple[Rule, ...] = tuple(rule for subject in SUBJECTS for rule in subject.RULES)
"""All rules, in the order in which the documentation lists them."""
