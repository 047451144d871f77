"""Fresh ids from the operating system's randomness."""

from __future__ import annotations

import secrets


class RandomIds:
    """64 random bits each: collisions are refused by the store (the row is put only if there is none)."""

    def batch_id(self) -> str:
        return f"b{secrets.token_hex(8)}"
