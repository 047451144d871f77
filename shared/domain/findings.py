"""Findings: what a rule saw, why it matters and what to do. An assessment is a list of findings, worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from shared.domain.codec import Json, as_list, as_object, decode, encode


class Severity(Enum):
    """How far a finding stops a migration."""

    ERROR = "error"
    """Blocks, and nobody can override it."""
    OVERRIDABLE = "overridable"
    """Blocks until a person overrides it by its code, with a reason."""
    WARNING = "warning"
    """Does not block, but somebody should look."""
    INFO = "info"
    """Worth knowing."""


ORDER = {Severity.ERROR: 0, Severity.OVERRIDABLE: 1, Severity.WARNING: 2, Severity.INFO: 3}
"""Worst first."""
BLOCKS = (Severity.ERROR, Severity.OVERRIDABLE)
"""Severities that stop a migration."""


@dataclass(frozen=True)
class Finding:
    """One observation. ``code`` is stable (Noun.Reason), ``seen`` holds numbers with units, ``remedy`` is a sentence.

    ``known`` is false if the rule could not look; the finding then names only what was not checked.
    """

    code: str
    severity: Severity
    title: str
    seen: str
    why: str
    remedy: str
    command: str = ""
    link: str = ""
    known: bool = True

    @property
    def label(self) -> str:
        """The word for people: the severity, or ``not checked`` if the rule could not look and does not block."""
        return self.severity.value if self.known or self.severity in BLOCKS else "not checked"

    def to_json(self) -> Json:
        """The finding as it is stored and as the API shows it."""
        return encode(self)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, document: object) -> Finding:
        """The reverse; raises FactsInvalid naming the field."""
        return decode(cls, document, "finding")


@dataclass(frozen=True)
class Assessment:
    """The findings of one check of one instance, worst first; ``overrides`` are the (code, reason) pairs that applied."""

    findings: tuple[Finding, ...] = ()
    overrides: tuple[tuple[str, str], ...] = ()

    @property
    def is_blocked(self) -> bool:
        """Whether anything stops the migration: an error, or an overridable finding nobody overrode."""
        return bool(self.blocking_findings)

    @property
    def blocking_findings(self) -> tuple[Finding, ...]:
        """The findings that stop the migration, worst first."""
        overridden = {code for code, _ in self.overrides}
        return tuple(f for f in self.findings if is_blocking(f, overridden))

    def to_json(self) -> Json:
        """``{blocked, findings: [...], overrides: {code: reason}}``."""
        return {
            "blocked": self.is_blocked,
            "findings": [finding.to_json() for finding in self.findings],
            "overrides": dict(self.overrides),
        }

    @classmethod
    def from_json(cls, document: object) -> Assessment:
        """The reverse of :meth:`to_json`; raises FactsInvalid naming the field."""
        fields = as_object(document, "assessment")
        findings = as_list(fields.get("findings", []), "assessment.findings")
        overrides = as_object(fields.get("overrides", {}), "assessment.overrides")
        return cls(
            tuple(decode(Finding, item, f"assessment.findings[{index}]") for index, item in enumerate(findings)),
            tuple((code, str(why)) for code, why in overrides.items()),
        )


def is_blocking(finding: Finding, overridden: set[str]) -> bool:
    """Whether this finding blocks, given the codes a person overrode."""
    if finding.severity is Severity.OVERRIDABLE:
        return finding.code not in overridden
    return finding.severity is Severity.ERROR


def sorted_assessment(findings: list[Finding], overrides: Mapping[str, str]) -> Assessment:
    """Sort worst first and keep the overrides that name an overridable finding and give a reason."""
    ordered = sorted(findings, key=lambda finding: (ORDER[finding.severity], finding.code))
    overridable = {finding.code for finding in ordered if finding.severity is Severity.OVERRIDABLE}
    used = tuple((code, why.strip()) for code, why in sorted(overrides.items()) if code in overridable and why.strip())
    return Assessment(tuple(ordered), used)
