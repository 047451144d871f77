"""TagResources, UntagResources and ListTagResources for instances, disks, snapshots and snapshot groups."""

from __future__ import annotations

from typing import Any

from localcloud.core.errors import ApiError
from localcloud.ecs.paging import Params
from localcloud.ecs.store import Doc, tags_of
from localcloud.ecs.world import EcsWorld
from localcloud.wire.rpc import missing

KINDS = {"instance": "instance", "disk": "disk", "snapshot": "snapshot", "snapshotgroup": "group"}
PER_RESOURCE = 20
_PAGE = 50


def check_tags(params: Params) -> None:
    """Check Tag.N: maximum 20 tags, keys of 1-128 characters that do not begin with acs: or aliyun, values of 0-128 characters."""
    tags = params.get("Tag", [])
    if len(tags) > PER_RESOURCE:
        raise ApiError("NumberExceed.Tags", f"At most {PER_RESOURCE} tags are allowed.", 400)
    for tag in tags:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not 1 <= len(key) <= 128 or key.lower().startswith(("acs:", "aliyun")) or "http://" in key or "https://" in key:
            raise ApiError("InvalidTagKey.Malformed", f"The tag key {key!r} is not valid.", 400)
        if len(value) > 128 or "http://" in value or "https://" in value:
            raise ApiError("InvalidTagValue.Malformed", f"The tag value {value!r} is not valid.", 400)
    if len({tag["Key"] for tag in tags}) < len(tags):
        raise ApiError("Duplicate.TagKey", "The Tag.N.Key contains a duplicate key.", 400)


def ecs_tags(params: Params) -> list[dict[str, str]]:
    """Tag.N of a request in the form that a document stores."""
    return [{"TagKey": tag["Key"], "TagValue": tag.get("Value", "")} for tag in params.get("Tag", [])]


class Tags:
    """The three operations."""

    def __init__(self, world: EcsWorld) -> None:
        self.world = world

    def add(self, params: Params) -> dict[str, Any]:
        """TagResources: overwrites existing keys. It changes all resources or none."""
        if not params.get("Tag"):
            raise missing("Tag.1.Key")
        check_tags(params)
        for kind, id, doc in self._resources(params):
            tags = {tag["TagKey"]: tag for tag in [*tags_of(doc), *ecs_tags(params)]}
            if len(tags) > PER_RESOURCE:
                raise ApiError("NumberExceed.Tags", f"{id} would have more than {PER_RESOURCE} tags.", 400)
            self._write(kind, id, doc, list(tags.values()))
        return {}

    def remove(self, params: Params) -> dict[str, Any]:
        """UntagResources: removes the keys of TagKey.N, or all with All."""
        keys = set(params.get("TagKey", []))
        if not keys and not params.get("All"):
            raise missing("TagKey.1")
        for kind, id, doc in self._resources(params):
            left = [tag for tag in tags_of(doc) if keys and tag["TagKey"] not in keys]
            self._write(kind, id, doc, left)
        return {}

    def rows(self, params: Params) -> dict[str, Any]:
        """ListTagResources: by ResourceId.N or Tag.N, with 50 rows per page."""
        kind = _kind(params)
        wanted = [(tag["Key"], tag.get("Value")) for tag in params.get("Tag", [])]
        if not wanted and "ResourceId" not in params:
            raise missing("ResourceId.1")
        ids = params.get("ResourceId")
        docs = [self.world.store.get(kind, id) for id in ids] if ids else self.world.store.find(kind, _first_link(wanted))
        rows = [row for doc in docs if doc for row in _rows(kind, params["ResourceType"], doc, wanted)]
        start = int(params["NextToken"]) if params.get("NextToken", "").isdigit() else 0
        more = str(start + _PAGE) if start + _PAGE < len(rows) else ""
        return {"NextToken": more, "TagResources": {"TagResource": rows[start : start + _PAGE]}}

    def _resources(self, params: Params) -> list[tuple[str, str, Doc]]:
        ids, kind = params.get("ResourceId", []), _kind(params)
        if not ids:
            raise missing("ResourceId.1")
        if len(ids) > 50:
            raise ApiError("NumberExceed.ResourceIds", "At most 50 resources are allowed.", 400)
        return [(kind, id, self.world.need(kind, id, "InvalidResourceId.NotFound")) for id in ids]

    def _write(self, kind: str, id: str, doc: Doc, tags: list[dict[str, str]]) -> None:
        doc["Tags"] = {"Tag": tags}
        self.world.store.put(kind, id, doc)


def _kind(params: Params) -> str:
    name = params["ResourceType"].lower()
    if name not in KINDS:
        raise ApiError("InvalidResourceType.NotFound", f"The resource type {name} is not supported here.", 404)
    return KINDS[name]


def _first_link(wanted: list[tuple[str, str | None]]) -> dict[str, str]:
    return {f"tag:{key}": value for key, value in wanted if value is not None}


def _rows(kind: str, resource_type: str, doc: Doc, wanted: list[tuple[str, str | None]]) -> list[dict[str, str]]:
    """One row per tag of a document that has all requested tags."""
    field = {"instance": "InstanceId", "disk": "DiskId", "snapshot": "SnapshotId", "group": "SnapshotGroupId"}[kind]
    tags = {tag["TagKey"]: tag["TagValue"] for tag in tags_of(doc)}
    if any(key not in tags or value not in (None, tags[key]) for key, value in wanted):
        return []
    return [
        {"ResourceType": resource_type, "ResourceId": doc[field], "TagKey": key, "TagValue": value} for key, value in tags.items()
    ]
