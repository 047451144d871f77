"""Lists in pages, in both ways that ECS knows: NextToken with MaxResults, or PageNumber with PageSize and TotalCount."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.core.errors import ApiError
from localcloud.ecs.store import Doc, Store, Where

Params = Mapping[str, Any]
Keep = Callable[[Doc], bool]


def tag_links(params: Params) -> dict[str, str]:
    """The links that Tag.N asks for. A key without a value cannot be looked up by link (see ``tag_keys``)."""
    return {f"tag:{tag['Key']}": tag["Value"] for tag in params.get("Tag", []) if tag.get("Key") and "Value" in tag}


def tag_keys(params: Params) -> set[str]:
    """The keys of Tag.N that are given without a value; any value matches."""
    return {tag["Key"] for tag in params.get("Tag", []) if tag.get("Key") and "Value" not in tag}


def id_list(params: Params, name: str, maximum: int = 100) -> list[str] | None:
    """A parameter that is a JSON array of ids; None if it is absent."""
    if name not in params:
        return None
    try:
        ids = json.loads(params[name])
    except ValueError:
        ids = None
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids) or len(ids) > maximum:
        raise ApiError("InvalidParameter", f"The specified parameter {name} is not a JSON array of at most {maximum} ids.", 400)
    return ids


@dataclass(frozen=True)
class Query:
    """The conditions of a list: links, ids (None: all), and ``keep`` for conditions that neither can express.

    ``most`` limits the length of the list. ECS limits it without telling the caller (0: no limit).
    """

    kind: str
    where: Where
    ids: list[str] | None = None
    keep: Keep | None = None
    most: int = 0


def page(store: Store, query: Query, params: Params) -> tuple[list[Doc], dict[str, Any]]:
    """One page of a list, with the fields that describe the page."""
    if query.keep is None and query.ids is None and not query.most:
        return _page_by_sql(store, query.kind, query.where, params)
    docs = store.find(query.kind, query.where) if query.ids is None else store.pick(query.kind, query.ids, query.where)
    found = [doc for doc in docs if query.keep is None or query.keep(doc)]
    return page_of(found[: query.most] if query.most else found, params)


def page_of(found: list[Doc], params: Params) -> tuple[list[Doc], dict[str, Any]]:
    """One page of documents that were already found, in the given order."""
    if by_token(params):
        start, size = int(_token(params, "0")), _size(params, "MaxResults")
        more = {"NextToken": _encode(str(start + size))} if start + size < len(found) else {"NextToken": ""}
        return found[start : start + size], more
    number, size = _number(params), _size(params, "PageSize")
    fields = {"PageNumber": number, "PageSize": size, "TotalCount": len(found)}
    return found[(number - 1) * size : number * size], fields


def _page_by_sql(store: Store, kind: str, where: Where, params: Params) -> tuple[list[Doc], dict[str, Any]]:
    if by_token(params):
        size = _size(params, "MaxResults")
        found = store.find(kind, where, after=_token(params, ""), limit=size + 1)
        more = _encode(_id_of(kind, found[size - 1])) if len(found) > size else ""
        return found[:size], {"NextToken": more}
    number, size = _number(params), _size(params, "PageSize")
    found = store.find(kind, where, limit=size, offset=(number - 1) * size)
    return found, {"PageNumber": number, "PageSize": size, "TotalCount": store.count(kind, where)}


def by_token(params: Params) -> bool:
    """Whether the caller pages by token. In that case TotalCount has no meaning and is left out."""
    return "MaxResults" in params or "NextToken" in params


_ID_FIELDS = {
    "instance": "InstanceId",
    "disk": "DiskId",
    "snapshot": "SnapshotId",
    "group": "SnapshotGroupId",
    "invocation": "InvokeId",
}


def _id_of(kind: str, doc: Doc) -> str:
    id: str = doc[_ID_FIELDS[kind]]
    return id


def _encode(position: str) -> str:
    return base64.urlsafe_b64encode(f"p:{position}".encode()).decode()


def _token(params: Params, start: str) -> str:
    token = params.get("NextToken", "")
    if not token:
        return start
    try:
        mark, _, position = base64.urlsafe_b64decode(token).decode().partition(":")
    except (binascii.Error, ValueError):
        mark = position = ""
    if mark != "p" or (start == "0" and not position.isdigit()):
        raise ApiError("InvalidParameter", "The specified parameter NextToken is not valid.", 400)
    return position


def _number(params: Params) -> int:
    number = int(params.get("PageNumber", 1))
    if number < 1:
        raise ApiError("InvalidParameter", "The specified parameter PageNumber is not valid.", 400)
    return number


def _size(params: Params, name: str) -> int:
    size = int(params.get(name, 10))
    if not 1 <= size <= 100:
        raise ApiError("InvalidParameter", f"The specified parameter {name} is not valid.", 400)
    return size
