"""The accounts of this cloud, and the one that the work at hand belongs to.

One of them is the account that everything is deployed into; it was there before there were others, and what it holds is stored
under the plain names. What another account holds is stored under the same names behind its id.
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
    """``directory`` is the id of its resource directory (``rd-...``), empty if it is in none."""

    id: str
    name: str = ""
    directory: str = ""


class Accounts:
    """The accounts; ``current`` is the id of the one whose call or job is being carried out (in this thread)."""

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
        """Work for an account (the deployment's own if empty) within the block."""
        before = self._current.set(id or self.own)
        try:
            yield
        finally:
            self._current.reset(before)

    def scoped(self, name: str) -> str:
        """Under which name the current account keeps what the deployment's account keeps under ``name``."""
        current = self._current.get()
        return name if current == self.own else f"{current}/{name}"

    def all(self) -> list[Account]:
        """Every account, the deployment's own first."""
        return list(self._known.values())

    def everywhere(self) -> Iterator[Account]:
        """Every account in turn, each as the current one."""
        for each in self.all():
            with self.acting(each.id):
                yield each

    def has(self, id: str) -> bool:
        return id in self._known

    def need(self, id: str) -> Account:
        """An account; raises ApiError for one that does not exist."""
        if id not in self._known:
            raise ApiError("EntityNotExist.Account", f"This cloud has no account {id}.", 404)
        return self._known[id]

    def put(self, account: Account) -> None:
        """Create an account, or give it another name or directory; raises ValueError for an id of another form."""
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
        """Call ``prepare`` with every account as the current one, also with those that come later."""
        for _ in self.everywhere():
            prepare()
        self._on_new.append(prepare)

    def reload(self) -> None:
        """Read the accounts again (after a transaction that failed)."""
        self._known = {self.own: Account(self.own), **{id: Account(**doc) for id, doc in self._docs.items()}}
