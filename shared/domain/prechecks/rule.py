"""A precheck rule: a pure function that turns facts into an outcome, with texts for the operator."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Finding, Severity
from shared.domain.hop import Hop
from shared.domain.record import dataclass


class NeededFacts(Enum):
    """The facts that a rule needs. Cheap rules need no facts of the guest."""

    ACCOUNT = "account"
    INSTANCE = "instance"
    GUEST = "guest"


@dataclass(frozen=True)
class RulePassed:
    """The rule has nothing to report."""


@dataclass(frozen=True)
class RuleFailed:
    """The rule found a problem; the field ``seen`` describes the problem with numbers. The fields ``command``, ``remedy``, ``why``
    and ``severity``, if given, replace the rule's own values.
    """

    seen: str
    command: str = ""
    remedy: str = ""
    why: str = ""
    severity: Severity | None = None


@dataclass(frozen=True)
class FactUnknown:
    """A fact that the rule needs is missing; the field ``what`` names the fact. The field ``severity``, if given, replaces the
    rule's severity.
    """

    what: str
    severity: Severity | None = None


Outcome = RulePassed | RuleFailed | FactUnknown
PASSED = RulePassed()
PRACTICE = "practice"
"""The source of a rule that comes from practice and not from a document. An operator can always override a rule that comes from
practice.
"""


def applies_always(_facts: Facts) -> bool:
    """The condition of rules that apply to every instance."""
    return True


def is_linux(facts: Facts) -> bool:
    """Whether the instance runs Linux."""
    return facts.instance.os_type == "linux"


def is_windows(facts: Facts) -> bool:
    """Whether the instance runs Windows."""
    return facts.instance.os_type == "windows"


@dataclass(frozen=True)
class Rule:
    """One precheck rule, which is a row in the table of rules about one subject. The field ``source`` names a section of a
    document, a check of a tool, or PRACTICE.

    The text ``asks`` completes "Could not check whether ...". The field ``unknown`` is the severity if a fact is missing; the field
    is None if no fact can be missing. The function ``severity_on``, if given, returns the severity on one hop; ``severity`` is then
    the highest severity on any hop.
    """

    code: str
    severity: Severity
    unknown: Severity | None
    needs: NeededFacts
    title: str
    why: str
    remedy: str
    source: str
    check: Callable[[Facts, Catalog], Outcome]
    asks: str = ""
    applies: Callable[[Facts], bool] = applies_always
    severity_on: Callable[[Hop], Severity] | None = None
    command: str = ""
    link: str = ""

    def severity_on_hop(self, hop: Hop) -> Severity:
        """The severity of the rule's failure on the given hop."""
        return self.severity_on(hop) if self.severity_on else self.severity

    def findings(self, facts: Facts, catalog: Catalog) -> list[Finding]:
        """A list with the rule's finding. The list is empty if the rule passes or does not apply."""
        outcome = self.check(facts, catalog) if self.applies(facts) else PASSED
        if isinstance(outcome, RuleFailed):
            return [self._finding_for_failed_rule(outcome, facts.hop)]
        if isinstance(outcome, FactUnknown) and self.unknown is not None:
            return [self._finding_for_missing_fact(outcome, self.unknown)]
        return []

    def _finding_for_failed_rule(self, outcome: RuleFailed, hop: Hop) -> Finding:
        return Finding(
            self.code,
            outcome.severity or self.severity_on_hop(hop),
            self.title,
            outcome.seen,
            outcome.why or self.why,
            outcome.remedy or self.remedy,
            outcome.command or self.command,
            self.link,
        )

    def _finding_for_missing_fact(self, outcome: FactUnknown, severity: Severity) -> Finding:
        """The finding for a missing fact, which tells a person what to check."""
        return Finding(
            self.code,
            outcome.severity or severity,
            f"Could not check whether {self.asks}",
            outcome.what,
            self.why,
            f"Check this by hand. If the problem exists: {self.remedy}",
            self.command,
            self.link,
            known=False,
        )
