"""A precheck rule: a pure function from facts to an outcome, together with what an operator needs to know about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Finding, Severity
from shared.domain.hop import Hop


class Needs(Enum):
    """Which facts a rule looks at; the cheap rules do without the guest."""

    ACCOUNT = "account"
    INSTANCE = "instance"
    GUEST = "guest"


@dataclass(frozen=True)
class Passed:
    """The rule has nothing to report."""


@dataclass(frozen=True)
class Failed:
    """The rule found what it looks for; ``seen`` has the numbers. Other fields, if given, replace the rule's own texts."""

    seen: str
    command: str = ""
    remedy: str = ""
    why: str = ""
    severity: Severity | None = None


@dataclass(frozen=True)
class Unknown:
    """The facts do not suffice; ``what`` names the missing one. ``severity``, if given, replaces the rule's own."""

    what: str
    severity: Severity | None = None


Outcome = Passed | Failed | Unknown
PASSED = Passed()
PRACTICE = "practice"
"""The source of rules that no document states; an operator can always override them."""


def always(_facts: Facts) -> bool:
    """Applies to every instance."""
    return True


def linux(facts: Facts) -> bool:
    """Applies to Linux instances."""
    return facts.instance.os_type == "linux"


def windows(facts: Facts) -> bool:
    """Applies to Windows instances."""
    return facts.instance.os_type == "windows"


@dataclass(frozen=True)
class Rule:
    """One rule. ``source`` is a section of a document, a check of a tool, or PRACTICE.

    ``asks`` completes "Could not check whether ...". ``unknown`` is the severity of a missing fact; None if the facts always
    tell. ``severity_on``, if given, returns the severity on one hop; ``severity`` is then the highest of them.
    """

    code: str
    severity: Severity
    unknown: Severity | None
    needs: Needs
    title: str
    why: str
    remedy: str
    source: str
    check: Callable[[Facts, Catalog], Outcome]
    asks: str = ""
    applies: Callable[[Facts], bool] = always
    severity_on: Callable[[Hop], Severity] | None = None
    command: str = ""
    link: str = ""

    def severity_for(self, hop: Hop) -> Severity:
        """The severity on this hop."""
        return self.severity_on(hop) if self.severity_on else self.severity

    def findings(self, facts: Facts, catalog: Catalog) -> list[Finding]:
        """The findings: empty if the rule passes or does not apply, else one."""
        outcome = self.check(facts, catalog) if self.applies(facts) else PASSED
        if isinstance(outcome, Failed):
            return [self._failed(outcome, facts.hop)]
        if isinstance(outcome, Unknown) and self.unknown is not None:
            return [self._not_checked(outcome, self.unknown)]
        return []

    def _failed(self, outcome: Failed, hop: Hop) -> Finding:
        return Finding(
            self.code,
            outcome.severity or self.severity_for(hop),
            self.title,
            outcome.seen,
            outcome.why or self.why,
            outcome.remedy or self.remedy,
            outcome.command or self.command,
            self.link,
        )

    def _not_checked(self, outcome: Unknown, severity: Severity) -> Finding:
        """The finding for a fact that is missing: it is no failure, but says what to look at."""
        return Finding(
            self.code,
            outcome.severity or severity,
            f"Could not check whether {self.asks}",
            outcome.what,
            self.why,
            f"Check it by hand. If it is so: {self.remedy}",
            self.command,
            self.link,
            known=False,
        )
