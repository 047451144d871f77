"""Shows the severity of the API's findings in words."""

from __future__ import annotations

from typing import Any

from shared.domain.findings import Finding


def severity_in_words(finding: dict[str, Any]) -> str:
    """The finding's severity as users see it.

    The severity is ``not checked`` if the rule had no facts and the finding does not block the migration.
    """
    return Finding.from_json(finding).label
