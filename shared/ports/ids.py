"""The port that makes ids for new rows."""

from __future__ import annotations

from typing import Protocol


class IdMaker(Protocol):
    """Makes ids without an increasing prefix, so that Tablestore spreads the rows over its partitions."""

    def new_batch_id(self) -> str:
        """A new id for a batch. The id is the letter b, followed by 16 hexadecimal digits."""
