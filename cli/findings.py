"""Words for the findings that the API returns."""

from __future__ import annotations

from typing import Any

from shared.domain.findings import Finding


def shown_severity(finding: dict[str, Any]) -> str:
    """The severity, or ``not checked`` if the rule could not look and does not block."""
    return Finding.from_json(finding).standing
