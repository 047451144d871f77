"""Makes new ids with the operating system's random number generator."""

from __future__ import annotations

import secrets


class RandomIds:
    """Makes ids with 64 random bits. A repeated id does no harm, because the store refuses a second row with the same id."""

    def new_batch_id(self) -> str:
        return f"b{secrets.token_hex(8)}"
