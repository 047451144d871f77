"""The common base of all parts of SMC: the cloud, its collections, the access to ECS, and lists in pages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.clock import iso, to_ms
from localcloud.core.errors import ApiError
from localcloud.core.hooks import SmcOnEcs

Doc = dict[str, Any]
Params = Mapping[str, Any]
SECOND, MINUTE = 1000, 60_000
DAY = 24 * 60 * MINUTE
_NAME = re.compile(r"[A-Za-z\u4e00-\u9fff][\w:.-]{1,127}")


class Docs:
    """The documents of the current account by id, and by the values of some fields. An index keeps such a search fast in a large
    collection.
    """

    def __init__(self, cloud: Cloud, kind: str, *fields: str) -> None:
        self._db, self._sql, self._kind, self._docs = cloud.db, cloud.db.sql, kind, cloud.db.account_collection(kind)
        self.get, self.put, self.delete, self.items = self._docs.get, self._docs.put, self._docs.delete, self._docs.items
        cloud.accounts.prepare_each(lambda: self._make_indexes(fields))

    def _make_indexes(self, fields: tuple[str, ...]) -> None:
        kind = self._db.scope(self._kind)
        for field in fields:
            self._sql.execute(
                f"CREATE INDEX IF NOT EXISTS {self._index(field)} ON docs (json_extract(doc, '$.{field}'), id) WHERE kind='{kind}'"
            )

    def where(self, field: str, value: str) -> list[Doc]:
        """The documents whose named field has this value, ordered by id."""
        # Name the index: SQLite alone would scan all documents of the kind, because it does not know how the values are
        # distributed.
        kind = self._db.scope(self._kind)
        source = f"docs INDEXED BY {self._index(field)} WHERE kind='{kind}' AND json_extract(doc, '$.{field}')=?"
        return [json.loads(doc) for (doc,) in self._sql.execute(f"SELECT doc FROM {source} ORDER BY id", (value,))]

    def _index(self, field: str) -> str:
        """An index's name. The deployment's account is left out of its name, as in states written before there were several
        accounts.
        """
        account, _, kind = self._db.scope(self._kind).rpartition("/")
        return f"{kind}_{field}{account and '_'}{account}".replace(".", "_").lower()

    def count(self) -> int:
        """The number of documents."""
        count: int = self._sql.execute("SELECT COUNT(*) FROM docs WHERE kind=?", (self._db.scope(self._kind),)).fetchone()[0]
        return count


class SmcWorld:
    """The emulated SMC of the current account."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.tokens = Docs(cloud, "smc.token", "Name")
        self.sources = Docs(cloud, "smc.source", "JobId")
        self.by_instance = cloud.db.account_collection("smc.instance")
        self.jobs = Docs(cloud, "smc.job", "Name", "SourceId", "Status")
        self.requests = cloud.db.account_collection("smc.client_token")

    @property
    def now(self) -> int:
        return self.cloud.clock.now_ms()

    @property
    def now_iso(self) -> str:
        return iso(self.now)

    @property
    def ecs(self) -> SmcOnEcs:
        """ECS's facade. Raises ApiError if the account has no ECS."""
        facade = self.cloud.hooks.ecs
        if facade is None:
            raise ApiError("InternalError", "This account has no ECS.", 500)
        return facade

    def between(self, low_s: float, high_s: float, *words: object) -> int:
        """A duration in milliseconds between ``low_s`` and ``high_s`` seconds; the seed and the words determine it."""
        return round(self.cloud.random("smc", *words).uniform(low_s, high_s) * SECOND)


def page(found: list[Doc], params: Params) -> tuple[list[Doc], dict[str, int]]:
    """One page (PageNumber from 1, PageSize 1-50, default 10), with the fields that describe the page."""
    number, size = params.get("PageNumber", 1), params.get("PageSize", 10)
    if number < 1 or not 1 <= size <= 50:
        name = "PageNumber" if number < 1 else "PageSize"
        raise ApiError("InvalidParameter", f"The specified parameter {name} is not valid.", 400)
    fields = {"PageNumber": number, "PageSize": size, "TotalCount": len(found)}
    return found[(number - 1) * size : number * size], fields


def listed(params: Params, name: str, maximum: int) -> list[str] | None:
    """A list parameter of at most ``maximum`` members; None if it is absent."""
    given = params.get(name)
    if given is not None and len(given) > maximum:
        raise ApiError("InvalidParameter", f"The parameter {name} may have {maximum} members at most.", 400)
    return given or None


def check_name(name: str | None, field: str = "Name") -> None:
    """Check a name: 2-128 letters, digits, ``:``, ``_`` and ``-``, beginning with a letter, but not with http:// or https://."""
    if name is not None and not _NAME.fullmatch(name):
        raise ApiError(f"{field}.Invalid", f"The specified {field} {name!r} is not valid.", 400)


def when(text: str, field: str) -> int:
    """A time in ISO 8601 UTC (``2026-11-23T08:00:00Z``) as milliseconds since the epoch."""
    try:
        return to_ms(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc))
    except ValueError:
        raise ApiError(
            "InvalidParameter", f"The parameter {field} is not a time in UTC such as 2026-11-23T08:00:00Z.", 400
        ) from None


def without_sim(doc: Doc) -> Doc:
    """A document as the API shows it, without ``sim``."""
    return {name: value for name, value in doc.items() if name != "sim" and value is not None}
