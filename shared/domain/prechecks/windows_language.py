"""Chinese or English Windows only; the language stays. Source: Windows matrix."""

from __future__ import annotations

from shared.domain.catalog import Catalog
from shared.domain.facts import Facts
from shared.domain.findings import Severity
from shared.domain.prechecks.ask import of_windows
from shared.domain.prechecks.rule import PASSED, Failed, Needs, Outcome, Rule, Unknown, windows


def check(facts: Facts, catalog: Catalog) -> Outcome:
    """Looks at the system language."""
    language = of_windows(facts, lambda guest: guest.language)
    if not language:
        return Unknown("the guest did not say its language")
    return PASSED if language in ("zh", "en") else Failed(f"language {language}")


RULE = Rule(
    code="Guest.LanguageNotSupported",
    severity=Severity.ERROR,
    unknown=Severity.OVERRIDABLE,
    needs=Needs.GUEST,
    title="The language of Windows is not supported",
    why="There are Chinese and English media only, and cross-language migration is not supported.",
    remedy="Build a new instance in one of the two languages.",
    source="Windows matrix: language",
    check=check,
    applies=windows,
)
