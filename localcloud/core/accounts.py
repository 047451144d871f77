"""The accounts of this cloud, and the current account: the one whose call or job is being carried out.

Everything is deployed into one of the accounts. That account existed before this cloud had several accounts, so its data has plain
names. The data of another account has the same names with the account's id in front.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass

from localcloud.core.db import Db
from localcloud.core.errors import ApiError

_ID = re.compile(r"[0-9]{16}")


@dataclass(frozen=True)
class Account:
    """An account. ``directory`` is the id of its resource directory (``rd-...``), or empty."""

    id: str
    name: str = ""
    directory: str = ""


class Accounts:
    """All accounts. ``current`` is the id of the account whose call or job this thread is carrying out."""

    def __init__(self, db: Db, own: str) -> None:
        self.own = own
        self._docs = db.collection("account")
        self._current: ContextVar[str] = ContextVar("account", default=own)
        self._on_new: list[Callable[[], None]] = []
        self._known = {own: Account(own), **{id: Account(**doc) for id, doc in self._docs.items()}}
        db.scope = self.scoped

    @property
    def current(self) -> str:
        return self._current.get()

    @contextmanager
    def acting(self, id: str) -> Iterator[None]:
        """Make an account the current one within the ``with`` block; an empty id means the deployment's own account."""
        before = self._current.set(id or self.own)
        try:
            yield
        finally:
            self._current.reset(before)

    def scoped(self, name: str) -> str:
        """The name under which the current account stores what the deployment's account stores under ``name``."""
        current = self._current.get()
        return name if current == self.own else f"{current}/{name}"

    def all(self) -> list[Account]:
        """Every account. The deployment's own comes first."""
        return list(self._known.values())

    def everywhere(self) -> Iterator[Account]:
        """Every account in turn; each is the current account during its turn."""
        for each in self.all():
            with self.acting(each.id):
                yield each

    def has(self, id: str) -> bool:
        return id in self._known

    def need(self, id: str) -> Account:
        """The account of an id. Raises ApiError if the account does not exist."""
        if id not in self._known:
            raise ApiError("EntityNotExist.Account", f"This cloud has no account {id}.", 404)
        return self._known[id]

    def put(self, account: Account) -> None:
        """Create an account, or change its name or directory. Raises ValueError if the id does not have 16 digits."""
        if not _ID.fullmatch(account.id):
            raise ValueError(f"{account.id!r} is not an account id: an id has 16 digits")
        new = account.id not in self._known
        self._docs.put(account.id, asdict(account))
        self._known[account.id] = account
        if new:
            with self.acting(account.id):
                for prepare in self._on_new:
                    prepare()

    def prepare_each(self, prepare: Callable[[], None]) -> None:
        """Call ``prepare`` once per account, with that account as the current one. Accounts created later are prepared too."""
        for _ in self.everywhere():
            prepare()
        self._on_new.append(prepare)

    def reload(self) -> None:
        """Read the accounts from the state again, after a transaction that failed."""
        self._known = {self.own: Account(self.own), **{id: Account(**doc) for id, doc in self._docs.items()}}
