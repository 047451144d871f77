"""The table of starts and limits in docs/architecture.md, from the table that the code uses."""

from __future__ import annotations

from shared.domain.limits import LIMITS_OF_START, Limit, StartKind
from tools.pages.common import table


def render() -> str:
    """One row per start, one column per limit."""
    head = ("held by", *(limit.value for limit in Limit))
    return table(
        head, ((start.value, *("yes" if limit in LIMITS_OF_START[start] else "-" for limit in Limit)) for start in StartKind)
    )
