"""The table start x limit in docs/architecture.md, from the table that the code obeys."""

from __future__ import annotations

from shared.domain.limits import HELD_BY, Limit, Start
from tools.pages.common import table


def render() -> str:
    """A row for each start, a column for each limit."""
    head = ("held by", *(limit.value for limit in Limit))
    return table(head, ((start.value, *("yes" if limit in HELD_BY[start] else "-" for limit in Limit)) for start in Start))
