"""Makes new ids from the operating system's randomness."""

from __future__ import annotations

import secrets


class RandomIds:
    """Makes ids with 64 random bits. If an id occurs twice, no harm is done: the store refuses a second row with the same id."""

    def new_batch_id(self) -> str:
        return f"b{secrets.token_hex(8)}"
