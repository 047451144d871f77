"""Kinds of hops, and the severity that a rule has on each kind. The severity depends on the tool that carries out the hop.

SMC's support pages repeat leapp's titles word for word, so SMC probably runs leapp between major versions. Alibaba Cloud's
migration document refers to convert2rhel for hops from CentOS to Red Hat. A rule blocks if SMC's own page says that the job fails,
or if the destination certainly cannot work. Some checks are known only from leapp or convert2rhel. On hops that may use another
tool, a rule for these checks is at most a warning, because SMC does not publish its tool.
"""

from __future__ import annotations

from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.hop import Hop
from shared.domain.prechecks.rule import is_linux

_MAJOR = {"alinux-2": 7, "alinux-3": 8, "centos-7": 7, "centos-8": 8, "anolis-7": 7, "anolis-8": 8}
"""The major version of Red Hat to which a release of another system corresponds."""


def major_version(key: str) -> int | None:
    """The major version of a release in Red Hat's numbering; None for other systems."""
    family, _, version = key.rpartition("-")
    return _MAJOR.get(key) or (int(version) if family == "rhel" and version.isdigit() else None)


def is_upgrade(hop: Hop) -> bool:
    """Whether the hop leads to a later major version. A hop within one major version is no upgrade, because it only replaces
    packages.
    """
    before, after = major_version(hop.source), major_version(hop.destination)
    return before is not None and after is not None and after > before


def is_hop_to_red_hat(hop: Hop) -> bool:
    """Whether the hop leads to Red Hat Enterprise Linux."""
    return hop.destination.startswith("rhel-")


def is_linux_upgrade(facts: Facts) -> bool:
    """Whether the instance runs Linux and the hop leads to a later major version."""
    return is_linux(facts) and is_upgrade(facts.hop)


def is_upgrade_from_release_7(facts: Facts) -> bool:
    """Whether the hop leads from a system that corresponds to Red Hat 7 to a later major version."""
    return is_linux_upgrade(facts) and major_version(facts.hop.source) == 7


def is_hop_to_newer_kernel(facts: Facts) -> bool:
    """Whether the hop leads from a system with an older kernel to kernel 4.18 or later."""
    same = is_hop_to_red_hat(facts.hop) and not is_upgrade(facts.hop)
    return is_linux(facts) and not same


def severity_between_major_versions(hop: Hop) -> Severity:
    """The severity of a rule that comes from SMC's page: an overridable error between major versions, a warning within a major
    version.
    """
    return Severity.OVERRIDABLE if is_upgrade(hop) else Severity.WARNING


def severity_on_hop_to_red_hat(hop: Hop) -> Severity:
    """The severity of a rule that comes from convert2rhel: a warning on hops to Red Hat, information on other hops."""
    return Severity.WARNING if is_hop_to_red_hat(hop) else Severity.INFO


def severity_of_conversion(hop: Hop) -> Severity:
    """The severity of a condition for which convert2rhel refuses the guest. The severity is an overridable error on conversions
    from CentOS to Red Hat, and a warning on other hops.
    """
    return Severity.OVERRIDABLE if is_hop_to_red_hat(hop) and not is_upgrade(hop) else Severity.WARNING
