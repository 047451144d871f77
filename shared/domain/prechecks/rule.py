"""What a precheck is: one pure function from facts to an outcome, with everything an operator needs to know about it beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Finding, Severity


class Needs(Enum):
    """Which facts a rule looks at; the cheap rules do without the guest."""

    ACCOUNT = "account"
    INSTANCE = "instance"
    GUEST = "guest"


@dataclass(frozen=True)
class Passed:
    """Nothing to report."""


@dataclass(frozen=True)
class Failed:
    """The rule found what it looks for; ``seen`` has the numbers. ``command`` and ``remedy``, if given, are more exact ones."""

    seen: str
    command: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Unknown:
    """The facts do not tell; ``what`` names the missing one."""

    what: str


Outcome = Passed | Failed | Unknown
PASSED = Passed()
PRACTICE = "practice"
"""Source of rules that no document states: common sense, and therefore always possible to override."""


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
    """One rule. ``source`` is a section of a document, or PRACTICE.

    ``unknown`` is the severity of a missing fact; None where the facts always tell.
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
    applies: Callable[[Facts], bool] = always
    command: str = ""
    link: str = ""

    def findings(self, facts: Facts, catalog: Catalog) -> list[Finding]:
        """None when it passes or does not apply, else one."""
        outcome = self.check(facts, catalog) if self.applies(facts) else PASSED
        if isinstance(outcome, Failed):
            remedy, command = outcome.remedy or self.remedy, outcome.command or self.command
            return [Finding(self.code, self.severity, self.title, outcome.seen, self.why, remedy, command, self.link)]
        if isinstance(outcome, Unknown) and self.unknown is not None:
            remedy = f"Find out by hand, or run the precheck again. If it is so: {self.remedy}"
            return [
                Finding(
                    self.code, self.unknown, f"Not known: {self.title}", outcome.what, self.why, remedy, self.command, self.link
                )
            ]
        return []
