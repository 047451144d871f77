"""New ids from the operating system's randomness."""

from __future__ import annotations

import secrets


class RandomIds:
    """Each id has 64 random bits. The store refuses a collision, because a row is put only if it does not exist."""

    def batch_id(self) -> str:
        return f"b{secrets.token_hex(8)}"
