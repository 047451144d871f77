"""Access keys and who holds them: the account's owner, or a role a function runs as."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.core.db import Db

OWNER = "owner"
"""The principal that no policy limits."""


@dataclass(frozen=True)
class Key:
    """A key pair; ``token`` is the security token of a role's temporary credentials, empty for the owner's."""

    access_key_id: str
    access_key_secret: str
    token: str
    principal: str


class Identities:
    """The account's keys, kept in the state so that a signature stays valid over a restart."""

    def __init__(self, db: Db) -> None:
        self._keys = db.collection("identity.key")
        self._cache: dict[str, Key] = {}
        self._principals: dict[str, Key] = {}

    def find(self, access_key_id: str) -> Key | None:
        """The key pair of an access key id."""
        if access_key_id not in self._cache:
            doc = self._keys.get(access_key_id)
            if doc is None:
                return None
            self._cache[access_key_id] = Key(**doc)
        return self._cache[access_key_id]

    def add(self, key: Key) -> Key:
        """Make a key pair known (the same id again replaces it)."""
        self._keys.put(key.access_key_id, vars(key))
        self._cache[key.access_key_id] = self._principals[key.principal] = key
        return key

    def forget_all(self) -> None:
        """No key is valid any more; whoever deploys makes new ones."""
        for id, _ in self._keys.items():
            self._keys.delete(id)
        self._cache, self._principals = {}, {}

    def of(self, principal: str) -> Key | None:
        """The key pair of a principal (``role:NAME``), or None."""
        if principal not in self._principals:
            self._principals = {doc["principal"]: Key(**doc) for _, doc in self._keys.items()}
        return self._principals.get(principal)
