"""Stores the time of the last tick as one row of the locks table."""

from __future__ import annotations

from datetime import datetime, timezone

from shared.adapters import tables
from shared.adapters.clock import epoch_milliseconds
from shared.adapters.store import Key, Store
from shared.domain.errors import Permanent

_COLUMN = "ticked_at"
_ROW: Key = (("lock_id", "tick"),)


class TablestoreTicks:
    """Implements the port ``Ticks`` with Tablestore. The column holds milliseconds since 1970."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write_tick_time(self, at: datetime) -> None:
        self._store.put(tables.LOCKS, _ROW, {_COLUMN: epoch_milliseconds(at)})

    def last_tick_time(self) -> datetime | None:
        row = self._store.get(tables.LOCKS, _ROW)
        if row is None:
            return None
        try:
            return datetime.fromtimestamp(row[_COLUMN] / 1000, timezone.utc)
        except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
            remedy = "The next tick that records its time writes the row again. Nothing needs to be done."
            raise Permanent("Store.RowInvalid", f"The row {_ROW[0][1]} has no readable time.", remedy) from error
