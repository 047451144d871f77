"""The media disks of the guest driver's migrations: which snapshot a migration needs, and when its disk is attached or gone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from shared.domain.errors import AccountUnusable, Permanent, Refused, Transient
from shared.domain.migration import Migration
from shared.ports.compute import Compute
from shared.ports.media_disks import MediaDisks

_LOG = logging.getLogger("replank")
SETTING = "REPLANK_WINDOWS_MEDIA"


class MediaOfMigrations:
    """The media disks in one account. ``snapshots`` are the snapshots with the media, by release key and region."""

    def __init__(self, disks: MediaDisks, compute: Compute, snapshots: Mapping[str, Mapping[str, str]]) -> None:
        self._disks, self._compute, self._snapshots = disks, compute, snapshots

    def check_setting(self, releases: Sequence[str], region_id: str) -> None:
        """Raise Permanent (Driver.SettingMissing) if no snapshot is named for one of these destinations in the region."""
        for release in releases:
            if not self._snapshots.get(release, {}).get(region_id):
                raise Permanent(
                    "Driver.SettingMissing",
                    f"{SETTING} names no snapshot with the installation media of {release} in {region_id}.",
                    f"Make a snapshot of a disk with the media (docs/drivers.md), name it in {SETTING}, deploy, and retry.",
                )

    def attached_serial_number(self, migration: Migration) -> str:
        """The serial number of the migration's media disk, as the guest sees it; empty until the disk is attached."""
        release = migration.current_hop.destination
        self.check_setting((release,), migration.region_id)
        disk_id = self._disks.attached_disk_id(migration, self._snapshots[release][migration.region_id], self._compute)
        return disk_id.removeprefix("d-")

    def is_removed(self, migration: Migration) -> bool:
        """Take the next step of removing the media disk of this run. Returns whether nothing is left of it."""
        return self._disks.is_disk_of_run_removed(migration, self._compute)

    def is_removed_or_unremovable(self, migration: Migration) -> bool:
        """As ``is_removed``, but also True if ECS refuses for good. Then a person or the tick removes the disk."""
        try:
            return self.is_removed(migration)
        except AccountUnusable:
            raise
        except Transient as error:
            _LOG.info("the media disk is removed later: %s", error, extra={"migrationId": migration.migration_id})
            return False
        except (Permanent, Refused) as error:
            _LOG.error("the media disk stays for now: %s", error, extra={"migrationId": migration.migration_id})
            return True
