"""The rows of media disks, and changes that others make to the disks."""

from __future__ import annotations

from typing import Any

from localcloud.account import service
from shared.domain.migration import Migration, first_journal_entry
from shared.ports.ports import Ports
from shared.stages.media_disks import remove_leftover_media_disks
from tests.support.ports import Bench


def leftovers(one: Bench) -> int:
    """Remove leftovers as the tick does, for an hour. Returns how many disks went."""
    gone = 0
    for _ in range(12):
        gone += remove_leftover_media_disks(one.ports)
        one.world.run(5)
    return gone


def with_row(one: Bench, made: Migration) -> None:
    """Store the migration, so that the check of leftovers finds it."""
    one.ports.migrations.create(made, first_journal_entry(made, by="intake", reason="asked"), [])


def rows(ports: Ports) -> list[Any]:
    """The rows of all media disks."""
    return list(ports.media_disks.media_disk_page(limit=10, token="").rows)


def change_disk(one: Bench, disk: dict[str, Any], **changes: Any) -> None:
    """Change fields of a disk in ECS, as a person may."""
    with one.world.cloud.lock, one.world.cloud.db.transaction():
        service(one.world.cloud, "ecs").world.store.put("disk", disk["DiskId"], {**disk, **changes})
