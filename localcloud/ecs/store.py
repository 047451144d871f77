"""Stores ECS's resources as JSON documents, with the few properties that they are searched by.

A document is what the API shows of a resource, plus ``sim``, which the API never shows (a disk's blob, when the agent last
reported). Links are (name, value) pairs, stored beside the document and indexed. So a search stays fast for a fleet of any size.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from functools import lru_cache
from typing import Any

from localcloud.core.db import Db

Doc = dict[str, Any]
Where = Mapping[str, str]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ecs_items (kind TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL, links TEXT NOT NULL,
  PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ecs_links (kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
  PRIMARY KEY (kind, name, value, id)) WITHOUT ROWID;
"""


def _instance_links(doc: Doc) -> Iterator[tuple[str, str]]:
    yield "region", doc["RegionId"]
    yield "status", doc["Status"]
    yield "ip", doc["sim"]["ip"]


def _disk_links(doc: Doc) -> Iterator[tuple[str, str]]:
    yield "region", doc["RegionId"]
    yield "instance", doc["InstanceId"]
    yield "status", doc["Status"]


def _snapshot_links(doc: Doc) -> Iterator[tuple[str, str]]:
    yield "region", doc["RegionId"]
    yield "disk", doc["SourceDiskId"]
    yield "instance", doc["sim"]["instance"]
    yield "status", doc["Status"]
    yield "group", doc["sim"]["group"]


def _group_links(doc: Doc) -> Iterator[tuple[str, str]]:
    yield "instance", doc["InstanceId"]
    yield "status", doc["Status"]


def _result_links(doc: Doc) -> Iterator[tuple[str, str]]:
    yield "invoke", doc["InvokeId"]
    yield "instance", doc["InstanceId"]
    yield "status", doc["InvocationStatus"]


def _no_links(doc: Doc) -> Iterator[tuple[str, str]]:
    return iter(())


_LINKS: dict[str, Callable[[Doc], Iterator[tuple[str, str]]]] = {
    "instance": _instance_links,
    "disk": _disk_links,
    "snapshot": _snapshot_links,
    "group": _group_links,
    "result": _result_links,
    "invocation": _no_links,
    "command": _no_links,
    "token": _no_links,
}


def tags_of(doc: Doc) -> list[dict[str, str]]:
    """A document's tags in ECS's form (TagKey, TagValue)."""
    found: list[dict[str, str]] = doc.get("Tags", {}).get("Tag", [])
    return found


@lru_cache(maxsize=1024)
def _read_once(text: str) -> Doc:
    doc: Doc = json.loads(text)
    return doc


class Store:
    """The documents of the current account by kind (instance, disk, snapshot, group, invocation, result, token) and id."""

    def __init__(self, db: Db) -> None:
        self._sql, self._db = db.sql, db
        self._sql.executescript(_SCHEMA)
        self._read: Callable[[str], Doc] = json.loads
        self.shared = copy(self)
        """The same documents for lists. Each is parsed once as long as it stays the same, so callers must not change it."""
        self.shared._read = _read_once

    def get(self, kind: str, id: str) -> Doc | None:
        row = self._sql.execute("SELECT doc FROM ecs_items WHERE kind=? AND id=?", (self._db.scope(kind), id)).fetchone()
        return self._read(row[0]) if row else None

    def has(self, kind: str, id: str) -> bool:
        """Whether a document of this id exists."""
        found = self._sql.execute("SELECT 1 FROM ecs_items WHERE kind=? AND id=?", (self._db.scope(kind), id))
        return found.fetchone() is not None

    def put(self, kind: str, id: str, doc: Doc) -> None:
        """Write a document, and its links if they changed."""
        pairs = sorted({*_LINKS[kind](doc), *((f"tag:{tag['TagKey']}", tag["TagValue"]) for tag in tags_of(doc))})
        links, kind = json.dumps(pairs), self._db.scope(kind)
        row = self._sql.execute("SELECT links FROM ecs_items WHERE kind=? AND id=?", (kind, id)).fetchone()
        text = json.dumps(doc, separators=(",", ":"), ensure_ascii=False)
        self._sql.execute("INSERT OR REPLACE INTO ecs_items VALUES (?,?,?,?)", (kind, id, text, links))
        if row is None or row[0] != links:
            self._unlink(kind, id, row[0] if row else "[]")
            self._sql.executemany("INSERT INTO ecs_links VALUES (?,?,?,?)", [(kind, name, value, id) for name, value in pairs])

    def delete(self, kind: str, id: str) -> None:
        kind = self._db.scope(kind)
        row = self._sql.execute("SELECT links FROM ecs_items WHERE kind=? AND id=?", (kind, id)).fetchone()
        if row:
            self._unlink(kind, id, row[0])
            self._sql.execute("DELETE FROM ecs_items WHERE kind=? AND id=?", (kind, id))

    def _unlink(self, kind: str, id: str, links: str) -> None:
        rows = [(kind, name, value, id) for name, value in json.loads(links)]
        self._sql.executemany("DELETE FROM ecs_links WHERE kind=? AND name=? AND value=? AND id=?", rows)

    def pick(self, kind: str, ids: Iterable[str], where: Where) -> list[Doc]:
        """Those of the named documents that exist and have all the links, ordered by id."""
        kind = self._db.scope(kind)
        condition, values = _linked("i.id", kind, where)
        text = f"SELECT doc FROM ecs_items i WHERE i.kind=? AND i.id=?{condition}"
        rows = [self._sql.execute(text, (kind, id, *values)).fetchone() for id in sorted(set(ids))]
        return [self._read(row[0]) for row in rows if row]

    def find(self, kind: str, where: Where, *, after: str = "", limit: int = -1, offset: int = 0) -> list[Doc]:
        """The documents that have all the links, ordered by id, beginning after the id ``after``."""
        source, id, values = _source(self._db.scope(kind), where)
        text = f"SELECT {'doc' if not where else _DOC} FROM {source} AND {id}>? ORDER BY {id} LIMIT ? OFFSET ?"
        rows = self._sql.execute(text, (*values, after, limit, offset)).fetchall()
        return [self._read(row[0]) for row in rows]

    def count(self, kind: str, where: Where) -> int:
        """The number of documents that ``find`` would return."""
        source, _, values = _source(self._db.scope(kind), where)
        count: int = self._sql.execute(f"SELECT COUNT(*) FROM {source}", values).fetchone()[0]
        return count


_WIDE = frozenset({"region", "status"})
"""Links that thousands of documents have in common. A search first uses a rarer link (an instance's or a disk's), then checks
these.
"""
_DOC = "(SELECT doc FROM ecs_items i WHERE i.kind=l.kind AND i.id=l.id)"


def _source(kind: str, where: Where) -> tuple[str, str, tuple[str, ...]]:
    """The SQL source of a search: all of a kind, or the documents with one link that also have the other links, ordered by id."""
    if not where:
        return "ecs_items WHERE kind=?", "id", (kind,)
    (name, value), *others = sorted(where.items(), key=lambda link: link[0] in _WIDE)
    condition, values = _linked("l.id", kind, dict(others))
    return f"ecs_links l WHERE l.kind=? AND l.name=? AND l.value=?{condition}", "l.id", (kind, name, value, *values)


def _linked(id: str, kind: str, where: Where) -> tuple[str, tuple[str, ...]]:
    """The SQL condition that a document has each of the links."""
    one = f" AND EXISTS (SELECT 1 FROM ecs_links o WHERE o.kind=? AND o.name=? AND o.value=? AND o.id={id})"
    return one * len(where), tuple(text for pair in where.items() for text in (kind, *pair))
