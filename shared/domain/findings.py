"""Findings of the precheck rules. A finding has an observation, its severity and a remedy. An assessment lists findings, worst
first.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from shared.domain.codec import Json, as_list, as_object, decode, encode
from shared.domain.record import dataclass


class Severity(Enum):
    """Whether and how a finding stops a migration."""

    ERROR = "error"
    """The finding blocks the migration, and nobody can override the finding."""
    OVERRIDABLE = "overridable"
    """The finding blocks the migration until a person overrides the finding's code and gives a reason."""
    WARNING = "warning"
    """The finding does not block the migration, but a person should read the finding."""
    INFO = "info"
    """The finding is only information."""


ORDER = {Severity.ERROR: 0, Severity.OVERRIDABLE: 1, Severity.WARNING: 2, Severity.INFO: 3}
"""The rank of each severity. The worst severity has rank 0."""
BLOCKS = (Severity.ERROR, Severity.OVERRIDABLE)
"""The severities that block a migration."""


@dataclass(frozen=True)
class Finding:
    """One observation. The field ``code`` has the form ``Noun.Reason`` and never changes. The field ``seen`` says what the rule
    found, with the units of all numbers.

    If the rule lacked a fact, ``known`` is false, and the finding only says which check could not be made.
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
        """The word that people see for the severity. If the rule lacked a fact and the finding does not block, the word is ``not
        checked``.
        """
        return self.severity.value if self.known or self.severity in BLOCKS else "not checked"

    def to_json(self) -> Json:
        """The finding as the JSON object that is stored and that the API returns."""
        return encode(self)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, document: object) -> Finding:
        """The finding in a document that :meth:`to_json` returned. Raises DocumentInvalid with the name of the invalid field."""
        return decode(cls, document, "finding")


@dataclass(frozen=True)
class Assessment:
    """The findings of one precheck of an instance, worst first. The field ``overrides`` lists the overrides that took effect, as
    pairs of code and reason.
    """

    findings: tuple[Finding, ...] = ()
    overrides: tuple[tuple[str, str], ...] = ()

    @property
    def is_blocked(self) -> bool:
        """Whether any finding stops the migration: an error, or an overridable finding without an override."""
        return bool(self.blocking_findings)

    @property
    def blocking_findings(self) -> tuple[Finding, ...]:
        """The findings that stop the migration, worst first."""
        overridden = {code for code, _ in self.overrides}
        return tuple(f for f in self.findings if is_blocking_finding(f, overridden))

    def to_json(self) -> Json:
        """The assessment as a JSON object: ``{blocked, findings: [...], overrides: {code: reason}}``."""
        return {
            "blocked": self.is_blocked,
            "findings": [finding.to_json() for finding in self.findings],
            "overrides": dict(self.overrides),
        }

    @classmethod
    def from_json(cls, document: object) -> Assessment:
        """The assessment in a document that :meth:`to_json` returned. Raises DocumentInvalid with the name of the invalid field."""
        fields = as_object(document, "assessment")
        findings = as_list(fields.get("findings", []), "assessment.findings")
        overrides = as_object(fields.get("overrides", {}), "assessment.overrides")
        return cls(
            tuple(decode(Finding, item, f"assessment.findings[{index}]") for index, item in enumerate(findings)),
            tuple((code, str(why)) for code, why in overrides.items()),
        )


def is_blocking_finding(finding: Finding, overridden: set[str]) -> bool:
    """Whether this finding blocks the migration. The argument ``overridden`` lists the codes that a person overrode."""
    if finding.severity is Severity.OVERRIDABLE:
        return finding.code not in overridden
    return finding.severity is Severity.ERROR


def sorted_assessment(findings: list[Finding], overrides: Mapping[str, str]) -> Assessment:
    """An assessment with the findings in order, worst first. An override takes effect only if it gives a reason for an overridable
    finding.
    """
    ordered = sorted(findings, key=lambda finding: (ORDER[finding.severity], finding.code))
    overridable = {finding.code for finding in ordered if finding.severity is Severity.OVERRIDABLE}
    used = tuple((code, why.strip()) for code, why in sorted(overrides.items()) if code in overridable and why.strip())
    return Assessment(tuple(ordered), used)
