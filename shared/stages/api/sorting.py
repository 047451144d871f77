"""Lists the migrations of a batch, sorted by name or by the last change of state. The table has no index for the order by name or
by last change.

For each page, all migrations of the list are read and sorted. A list with more than ``MOST_SORTED`` migrations is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from shared.domain.errors import Refused
from shared.domain.migration import Migration, State
from shared.domain.order import instance_sort_key
from shared.ports.migrations import MigrationPage
from shared.ports.ports import Ports
from shared.stages.api.migrations import MigrationFilter

MOST_SORTED = 1000
"""Maximum migrations of a sorted list. Reading the longest list takes one call for the index, and ten calls for the rows."""
SortFields = tuple[str, str] | tuple[str]
_FIELDS: dict[str, Callable[[Migration], SortFields]] = {
    "name": lambda migration: (migration.instance_name, migration.instance_id),
    "changed": lambda migration: (migration.entered_at.isoformat(),),
}
"""Maps each order to the fields of a migration that are compared. Equal migrations are sorted by id."""
ORDERS = tuple(_FIELDS)


def sorted_migration_page(ports: Ports, wanted: MigrationFilter, limit: int, token: str) -> MigrationPage:
    """Return a page of a batch's migrations that match the filter, sorted by one of ORDERS. The prefix ``-`` reverses the order.

    The page begins after the position that the token records, even if the migration at that position has changed since. Raises
    Refused (Order.TooMany, Token.Invalid).
    """
    order, state = wanted.order, State(wanted.state) if wanted.state else None
    after = _sort_key_from_token(token, order) if token else None
    read = ports.migrations.migration_page_of_batch(wanted.batch_id, state=state, limit=MOST_SORTED + 1, token="")
    if read.next_token or len(read.migrations) + len(read.unreadable) > MOST_SORTED:
        raise Refused(
            "Order.TooMany",
            f"Only a list of at most {MOST_SORTED} migrations can be sorted in this order.",
            "Choose a state that fewer migrations are in, or use the order state.",
        )
    fields_of = _FIELDS[order.removeprefix("-")]
    matching = [each for each in read.migrations if _is_wanted_migration(each, wanted, ports.account_id)]
    found = sorted(matching, key=lambda each: _sort_key_with_id(fields_of(each), each.migration_id))
    found = found[::-1] if order.startswith("-") else found
    if after is not None:
        found = [each for each in found if _is_sorted_after(_sort_key_with_id(fields_of(each), each.migration_id), after, order)]
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    return MigrationPage(tuple(shown), _token_of_next_page(order, fields_of(last), last.migration_id) if last else "")


def _is_wanted_migration(migration: Migration, wanted: MigrationFilter, own: str) -> bool:
    return wanted.instance_id in ("", migration.instance_id) and wanted.matches_migration(migration, own)


def _sort_key_with_id(fields: SortFields, migration_id: str) -> list[str]:
    """Return the key that sorts a migration. Numbers within names are compared by value."""
    return [*(instance_sort_key("", fields[0], fields[1], {}) if len(fields) == 2 else fields), migration_id]


def _is_sorted_after(place: list[str], other: list[str], order: str) -> bool:
    return place < other if order.startswith("-") else place > other


def _token_of_next_page(order: str, fields: SortFields, migration_id: str) -> str:
    """Return the token of the page that begins after the migration. The token contains the plain name. The sort key contains a
    longer name, with padded numbers, which would make the token too long.
    """
    return base64.urlsafe_b64encode(json.dumps([order, *fields, migration_id], ensure_ascii=False).encode()).decode().rstrip("=")


def _sort_key_from_token(token: str, order: str) -> list[str]:
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        named, *fields, migration_id = found
        if named != order or len(fields) != (2 if order.endswith("name") else 1):
            raise ValueError
        if not all(isinstance(each, str) for each in (*fields, migration_id)):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise Refused("Token.Invalid", "The continuation token is not of this listing.", "Start again without a token.") from None
    return _sort_key_with_id(tuple(fields), migration_id)
