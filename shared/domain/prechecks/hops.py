"""Kinds of hops, and how severe a rule is on each: the tool that carries out a hop decides what is refused.

SMC's support pages repeat leapp's titles word for word, so SMC probably runs leapp between major versions. From CentOS to Red
Hat the
migration document refers to convert2rhel. A rule blocks if SMC's own page says that the job fails, or if the destination surely
cannot work. A check that only leapp or convert2rhel has is a warning on other hops, because SMC does not publish which it runs.
"""

from __future__ import annotations

from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.hop import Hop
from shared.domain.prechecks.rule import linux

_MAJOR = {"alinux-2": 7, "alinux-3": 8, "centos-7": 7, "centos-8": 8, "anolis-7": 7, "anolis-8": 8}
"""The Red Hat release that a system corresponds to."""


def major(key: str) -> int | None:
    """The major version of a release in Red Hat's numbering; None for other systems."""
    family, _, version = key.rpartition("-")
    return _MAJOR.get(key) or (int(version) if family == "rhel" and version.isdigit() else None)


def is_upgrade(hop: Hop) -> bool:
    """Whether the hop goes to a later major version, as leapp does. Otherwise packages are replaced within one major version."""
    before, after = major(hop.source), major(hop.destination)
    return before is not None and after is not None and after > before


def to_red_hat(hop: Hop) -> bool:
    """Whether the hop ends at Red Hat."""
    return hop.destination.startswith("rhel-")


def upgrade(facts: Facts) -> bool:
    """Applies to hops of Linux to a later major version."""
    return linux(facts) and is_upgrade(facts.hop)


def upgrade_from_7(facts: Facts) -> bool:
    """Applies to hops from a system like Red Hat 7 to one like 8."""
    return upgrade(facts) and major(facts.hop.source) == 7


def kernel_changes(facts: Facts) -> bool:
    """Applies to hops to a kernel of 4.18 or later from a system with an older kernel."""
    same = to_red_hat(facts.hop) and not is_upgrade(facts.hop)
    return linux(facts) and not same


def between_majors(hop: Hop) -> Severity:
    """Blocks between major versions, for which SMC's page was written; a warning within one."""
    return Severity.OVERRIDABLE if is_upgrade(hop) else Severity.WARNING


def on_red_hat(hop: Hop) -> Severity:
    """A warning on hops to Red Hat, whose tool has the check; information on other hops."""
    return Severity.WARNING if to_red_hat(hop) else Severity.INFO


def converting(hop: Hop) -> Severity:
    """Blocks from CentOS to Red Hat, for which the document names the tool that refuses it; a warning on other hops."""
    return Severity.OVERRIDABLE if to_red_hat(hop) and not is_upgrade(hop) else Severity.WARNING
