"""New ids, for rows whose id cannot be derived."""

from __future__ import annotations

from typing import Protocol


class Ids(Protocol):
    """Ids without an increasing prefix, so that rows spread over partitions."""

    def batch_id(self) -> str:
        """A new batch's id: ``b`` and 16 hexadecimal digits."""
