"""Stored state in one SQLite file: whatever an answer has confirmed survives kill -9.

There is one connection, with a write-ahead log and full synchronisation. An answer is sent only after its transaction is on the
disk. A second connection would be needed to trigger the write-ahead-log reset bug of SQLite 3.40, so there is only one.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from localcloud.core import state
from localcloud.core.state import StateUnwritable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS docs (kind TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (digest TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
"""
_NEXT = """
INSERT INTO meta VALUES (?, '1') ON CONFLICT(name) DO UPDATE SET value=CAST(value AS INTEGER)+1 RETURNING value
"""


class Db:
    """The cloud's storage: SQL for the services that need it, JSON documents and blobs for the others."""

    def __init__(self, folder: Path | None) -> None:
        """Open or create the state in ``folder``; None keeps the state in memory. Raises StateUnreadable."""
        self.path = ":memory:"
        self.unwritable = ""
        """Why the last write failed. Empty if the last write succeeded."""
        self._depth = 0
        self.scope: Callable[[str], str] = lambda name: name
        """Gives the name under which the current account stores a kind of documents (see core.accounts)."""
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                self.path = str(folder / state.NAME)
                state.check(folder / state.NAME)
                state.keep_private(folder / state.NAME)
            self.sql = sqlite3.connect(self.path, timeout=0.5, isolation_level=None, check_same_thread=False, cached_statements=512)
            if folder is None:
                # After SQLite has moved a page, its commit visits every page in the cache. So half the cache takes half the time.
                self.sql.execute("PRAGMA page_size=8192")
            self.sql.execute("PRAGMA locking_mode=EXCLUSIVE")
            self.sql.execute("PRAGMA journal_mode=WAL")
            self.sql.execute("PRAGMA synchronous=FULL")
            self.sql.executescript(_SCHEMA)
            if self.sql.execute("PRAGMA user_version").fetchone() != (state.VERSION,):
                self.sql.execute(f"PRAGMA user_version={state.VERSION}")
        except (sqlite3.Error, OSError) as error:
            raise state.unusable(Path(self.path) if self.path != ":memory:" else folder or Path(), error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything in the block, or nothing. A nested block joins the outer one. The caller holds the cloud's lock. Raises
        StateUnwritable.
        """
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        before = self.sql.total_changes
        try:
            self.sql.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            finally:
                self._depth = 0
            self.sql.execute("COMMIT")
        except BaseException as error:
            self._undo(error)
            raise
        if self.unwritable and self.sql.total_changes > before:
            self.unwritable = ""
            state.say(f"{self.path} can be written again.")

    def _undo(self, error: BaseException) -> None:
        """Roll back, unless SQLite has already ended the transaction. Raises StateUnwritable if the disk was the cause."""
        with suppress(sqlite3.Error):
            if self.sql.in_transaction:
                self.sql.execute("ROLLBACK")
        text = state.unwritable(self.path, error) if isinstance(error, sqlite3.Error) else ""
        if text:
            if not self.unwritable:
                state.say(text)
            self.unwritable = text
            raise StateUnwritable(text) from error

    def meta(self, name: str, default: str) -> str:
        """A single stored value by its name."""
        row = self.sql.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
        return row[0] if row else default

    def set_meta(self, name: str, value: str) -> None:
        self.sql.execute("INSERT INTO meta VALUES (?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value", (name, value))

    def counter(self, name: str) -> int:
        """The next number of a named sequence. The first number is 1."""
        with self.transaction():
            return int(self.sql.execute(_NEXT, (f"counter:{name}",)).fetchone()[0])

    def collection(self, kind: str) -> Collection:
        """The documents of one kind, for example ``ecs.instance``."""
        return Collection(self.sql, lambda: kind)

    def account_collection(self, kind: str) -> Collection:
        """The documents of one kind in the current account. Each account has its own documents."""
        return Collection(self.sql, lambda: self.scope(kind))

    def put_blob(self, digest: str, body: bytes) -> None:
        """Store bytes under their digest. Identical bytes are stored once."""
        self.sql.execute("INSERT OR IGNORE INTO blobs VALUES (?,?)", (digest, body))

    def blob(self, digest: str) -> bytes:
        row = self.sql.execute("SELECT body FROM blobs WHERE digest=?", (digest,)).fetchone()
        if row is None:
            raise KeyError(digest)
        return bytes(row[0])

    def close(self) -> None:
        self.sql.close()


class Collection:
    """JSON documents by id, listed in the order of their ids."""

    def __init__(self, sql: sqlite3.Connection, kind: Callable[[], str]) -> None:
        self._sql = sql
        self._kind = kind

    def get(self, id: str) -> dict[str, Any] | None:
        row = self._sql.execute("SELECT doc FROM docs WHERE kind=? AND id=?", (self._kind(), id)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, id: str, doc: dict[str, Any]) -> None:
        self._sql.execute(
            "INSERT INTO docs VALUES (?,?,?) ON CONFLICT(kind,id) DO UPDATE SET doc=excluded.doc",
            (self._kind(), id, json.dumps(doc, separators=(",", ":"), ensure_ascii=False)),
        )

    def delete(self, id: str) -> None:
        self._sql.execute("DELETE FROM docs WHERE kind=? AND id=?", (self._kind(), id))

    def items(self, prefix: str = "") -> list[tuple[str, dict[str, Any]]]:
        """The ids that begin with ``prefix``, each with its document."""
        rows = self._sql.execute(
            "SELECT id, doc FROM docs WHERE kind=? AND id>=? AND id<? ORDER BY id", (self._kind(), prefix, prefix + "\U0010ffff")
        )
        return [(id, json.loads(doc)) for id, doc in rows.fetchall()]
