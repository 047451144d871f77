"""Fresh ids from the operating system's randomness."""

from __future__ import annotations

import secrets


class RandomIds:
    """64 random bits each: the store refuses collisions, because a row is put only if it does not exist."""

    def batch_id(self) -> str:
        return f"b{secrets.token_hex(8)}"
