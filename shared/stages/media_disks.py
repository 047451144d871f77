"""Removes the disks with installation media that no migration needs any more."""

from __future__ import annotations

import logging

from shared.domain.errors import Permanent, Refused, ReplankError, Transient
from shared.domain.media import MediaDisk, is_media_disk_needed
from shared.domain.migration import Migration
from shared.ports.ports import Ports

_LOG = logging.getLogger("replank")
PAGE = 100
"""Maximum rows that one call reads."""


def remove_leftover_media_disks(ports: Ports) -> int:
    """Take the next step of removing each media disk whose run is over. Return how many disks are gone.

    The driver removes its disk itself. A disk may be left because ECS refused, because a function crashed, or because the migration
    waits for a slot again.
    """
    removed, token = 0, ""
    while True:
        page = ports.media_disks.media_disk_page(limit=PAGE, token=token)
        known = {each.migration_id: each for each in ports.migrations.load_migrations([row.migration_id for row in page.rows])}
        for row in page.rows:
            try:
                if is_media_disk_needed(row, known.get(row.migration_id)):
                    continue
                if is_media_disk_needed(row, _migration_of_row(row, ports)):  # it may have changed since the bulk read
                    continue
                removed += ports.media_disks.is_disk_removed(row, ports.ports_for_account(row.account_id).compute)
            except ReplankError as error:
                if error.code.startswith("Store."):
                    raise
                _log_disk_left(row, error)
        token = page.next_token
        if not token:
            return removed


def _log_disk_left(row: MediaDisk, error: ReplankError) -> None:
    left = Permanent(
        "Media.DiskLeft",
        f"The media disk of {row.instance_id} is still there: {error}",
        "Detach and delete the disk in the ECS console, or let the role do it (template.yml).",
    )
    facts = {"code": left.code, "remedy": left.remedy}
    level = logging.WARNING if isinstance(error, Transient) else logging.ERROR
    _LOG.log(level, left.message, extra={"migrationId": row.migration_id, "facts": facts})


def _migration_of_row(row: MediaDisk, ports: Ports) -> Migration | None:
    """The row's migration; None if it is gone. A migration that a bulk read left out may still exist."""
    try:
        return ports.migrations.load(row.migration_id)
    except Refused:
        return None
