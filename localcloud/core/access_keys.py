"""Access keys and their holders: the account's owner, a user, or the role that a function runs as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from heapq import heapify, heappop, heappush
from typing import Any

from localcloud.core.db import Db

OWNER = "owner"
"""The principal that no policy restricts."""


@dataclass(frozen=True)
class Key:
    """A key pair. ``token`` is the security token of a role's temporary credentials; the owner's key has an empty token.

    ``account`` is the account of the key; empty means the account that everything is deployed into. A key from AssumeRole has the
    name of its ``session``, its end (``expires_ms``, 0: never), its policy (JSON, or empty), and the principal that asked for it.
    """

    access_key_id: str
    access_key_secret: str
    token: str
    principal: str
    account: str = ""
    session: str = ""
    expires_ms: int = 0
    policy: str = ""
    assumed_by: str = ""

    @property
    def outside(self) -> bool:
        """Whether the holder is outside the functions: the key is not a role's, and no role asked for it."""
        return not (self.assumed_by or self.principal).startswith("role:")

    def as_doc(self) -> dict[str, Any]:
        """The key as it is stored: the four fields that every key has, and each other field that is not empty."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name)) or each.name in _ALWAYS}


_ALWAYS = ("access_key_id", "access_key_secret", "token", "principal")


class Identities:
    """The keys of all accounts. They are stored, so that a signature stays valid after a restart."""

    def __init__(self, db: Db, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._keys = db.collection("identity.key")
        self._sessions = db.collection("identity.session")
        self._cache: dict[str, Key] = {}
        self._principals: dict[tuple[str, str], Key] = {}
        self._ends: list[tuple[int, str]] | None = None
        """The ids of the temporary keys and the moments when they end, as a heap. None until it is first needed."""

    def find(self, access_key_id: str) -> Key | None:
        """The key pair of an access key id."""
        if access_key_id not in self._cache:
            doc = self._keys.get(access_key_id) or self._sessions.get(access_key_id)
            if doc is None:
                return None
            self._cache[access_key_id] = Key(**doc)
        return self._cache[access_key_id]

    def add(self, key: Key) -> Key:
        """Add a key pair. A key with the same id is replaced."""
        (self._sessions if key.session else self._keys).put(key.access_key_id, key.as_doc())
        self._cache[key.access_key_id] = key
        if not key.session:
            self._principals[key.account, key.principal] = key
        elif self._ends is not None:
            heappush(self._ends, (key.expires_ms, key.access_key_id))
        return key

    def forget_all(self) -> None:
        """Make every key invalid. Whoever deploys next creates new keys."""
        for kept in (self._keys, self._sessions):
            for id, _ in kept.items():
                kept.delete(id)
        self.forget_cache()

    def forget_cache(self) -> None:
        """Read the keys from the state again, after a transaction that failed."""
        self._cache, self._principals, self._ends = {}, {}, None

    def of(self, principal: str, account: str = "") -> Key | None:
        """The permanent key pair of a principal (``role:NAME``), or None."""
        if (account, principal) not in self._principals:
            keys = [Key(**doc) for _, doc in self._keys.items()]
            self._principals = {(key.account, key.principal): key for key in keys}
        return self._principals.get((account, principal))

    def is_over(self, key: Key) -> bool:
        """Whether a temporary key has expired, by the cloud's clock."""
        return bool(key.expires_ms) and key.expires_ms <= self._now_ms()

    # What AssumeRole gave ---------------------------------------------------------------------------------------------

    def sessions(self) -> list[Key]:
        """All temporary keys that are remembered, including expired ones."""
        return [Key(**doc) for _, doc in self._sessions.items()]

    def drop_ended(self, before_ms: int) -> None:
        """Delete the temporary keys that ended before a moment. From then on they are unknown."""
        if self._ends is None:
            self._ends = [(key.expires_ms, key.access_key_id) for key in self.sessions()]
            heapify(self._ends)
        while self._ends and self._ends[0][0] < before_ms:
            _, id = heappop(self._ends)
            self._sessions.delete(id)
            self._cache.pop(id, None)
