"""The snapshot with installation media of Windows in a local cloud, and the setting that names it."""

from __future__ import annotations

import json
from typing import Any

from localcloud.account import service
from localcloud.core.app import Cloud
from localcloud.ecs import snapshot_life
from localcloud.ecs.guest.blob import files, pack

SNAPSHOT = "s-media0000000000001"
RELEASES = ("windows-2016-datacenter", "windows-2019-datacenter", "windows-2022-datacenter")
SETTING = {"REPLANK_WINDOWS_MEDIA": json.dumps({release: {"cn-hangzhou": SNAPSHOT} for release in RELEASES})}
"""The setting for media of every destination, all in one snapshot."""


def put_media_snapshot(cloud: Cloud, account: str = "") -> None:
    """Put the snapshot into an account: that of a data disk with the media."""
    world = service(cloud, "ecs").world
    digest, body = pack(files({"sources/install.wim": "images\n"}))
    disk: dict[str, Any] = {"DiskId": "d-media", "Size": 20, "Type": "data", "RegionId": "cn-hangzhou"}
    disk |= {"Encrypted": False, "ResourceGroupId": ""}
    with cloud.lock, cloud.db.transaction(), cloud.accounts.acting(account):
        cloud.db.put_blob(digest, body)
        made = snapshot_life._new(world, SNAPSHOT, disk, "Windows media")
        made |= {"Status": "accomplished", "Progress": "100%", "Available": True}
        sim = {"blob": digest, "instance": "", "group": "", "started_ms": world.now, "done_ms": world.now, "spoilt": False}
        world.store.put("snapshot", SNAPSHOT, {**made, "RetentionDays": None, "sim": sim})


def media_disks(cloud: Cloud, account: str = "") -> list[dict[str, Any]]:
    """All media disks that an account has, attached or not."""
    with cloud.accounts.acting(account):
        found = service(cloud, "ecs").world.store.find("disk", {})
    return [each for each in found if each["DiskName"].startswith("replank-media")]
