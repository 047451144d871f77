"""Makes the disks with the installation media of Windows, and removes them. Each disk has a row in the locks table.

The row is written before the disk is requested, and deleted after the disk. A crash between two calls therefore loses no disk: the
next call takes the next step.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone

from shared.adapters import tables
from shared.adapters.clock import epoch_milliseconds
from shared.adapters.page_tokens import first_key_of_page, page_token
from shared.adapters.store import Columns, Key, LowestKey, RowRange, Store, WriteInDoubt
from shared.domain.errors import Permanent, Refused
from shared.domain.media import LATE_CALL, MediaDisk, is_disk_of_this_or_earlier_run, media_disk_row, media_disk_token
from shared.domain.migration import Migration
from shared.ports.clock import Clock
from shared.ports.compute import Compute, DataDisk
from shared.ports.media_disks import MediaDiskPage

_LOG = logging.getLogger("replank")
_MIGRATION, _HOP, _ATTEMPT, _SNAPSHOT, _SINCE, _DISK = "media_for", "hop", "attempt", "snapshot_id", "since", "disk_id"
_FIRST: Key = (("lock_id", tables.MEDIA),)
_END: Key = (("lock_id", tables.column_range_of_prefix(tables.MEDIA)[1]),)


class TablestoreMediaDisks:
    """Implements the port ``MediaDisks`` with Tablestore."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def attached_disk_id(self, migration: Migration, snapshot_id: str, compute: Compute) -> str:
        row = self._row_of_run(migration, snapshot_id, compute)
        if row is None:
            return ""
        if not row.disk_id:
            self._create_disk(row, compute)
            return ""
        disk = compute.data_disk(row.region_id, row.disk_id)
        if disk is None:
            self._delete_row(row)  # somebody has deleted the disk; the next call makes another one
            return ""
        _require_own_disk(disk, row)
        if disk.status == "Available":
            compute.attach_disk(row.region_id, row.instance_id, row.disk_id)
        return row.disk_id if disk.status == "In_use" and disk.instance_id == row.instance_id else ""

    def is_disk_of_run_removed(self, migration: Migration, compute: Compute) -> bool:
        row = self._row(migration.region_id, migration.instance_id, migration.account_id)
        if row is None or not is_disk_of_this_or_earlier_run(row, migration):
            return True
        return self.is_disk_removed(row, compute)

    def is_disk_removed(self, row: MediaDisk, compute: Compute) -> bool:
        disk = self._disk_of_row(row, compute)
        if disk is None:
            if not row.disk_id and self._clock.now() - row.since < LATE_CALL:
                return False  # the call that creates the disk may be under way
            return self._delete_row(row)
        if disk.migration_id != row.migration_id or not disk.is_media:
            _LOG.error("disk %s is not Replank's and is kept", disk.disk_id, extra={"migrationId": row.migration_id})
            return self._delete_row(row)
        try:
            if disk.status == "In_use":
                compute.detach_disk(row.region_id, disk.instance_id, disk.disk_id)
                return False
            if disk.status != "Available":
                return False  # ECS is still creating, attaching or detaching it
            compute.delete_disk(row.region_id, disk.disk_id)
        except Refused as error:
            _LOG.info("the media disk is removed later: %s", error, extra={"migrationId": row.migration_id})
            return False
        return compute.data_disk(row.region_id, disk.disk_id) is None and self._delete_row(row)

    def media_disk_page(self, *, limit: int, token: str) -> MediaDiskPage:
        start = first_key_of_page(token, (("lock_id", LowestKey),)) if token else _FIRST
        rows, following = self._store.read_range(RowRange(tables.LOCKS, start, _END), limit=limit)
        return MediaDiskPage(tuple(map(_media_disk_from_row, rows)), page_token(following))

    # The row ----------------------------------------------------------------------------------------------------------

    def _row_of_run(self, migration: Migration, snapshot_id: str, compute: Compute) -> MediaDisk | None:
        """The row of this run, written if it was missing. None while the disk of another run is being removed."""
        wanted = media_disk_row(migration, snapshot_id, self._clock.now())
        row = self._row(migration.region_id, migration.instance_id, migration.account_id)
        if row is not None and (row.run, row.snapshot_id) != (wanted.run, wanted.snapshot_id):
            if not self.is_disk_removed(row, compute):
                return None
            row = None
        if row is None:
            _require_snapshot(wanted, compute)  # a wrong setting is told before anything is written
            return wanted if self._put_new(wanted) else None
        return row

    def _create_disk(self, row: MediaDisk, compute: Compute) -> None:
        size_gib = _require_snapshot(row, compute)
        disk_id = compute.create_media_disk(row, size_gib, token=media_disk_token(row))
        self._store.update(tables.LOCKS, _key_of(row), {_DISK: disk_id}, expect=_columns_of(row))

    def _disk_of_row(self, row: MediaDisk, compute: Compute) -> DataDisk | None:
        """The row's disk; None if ECS has none. If the answer with the id was lost, the disk is found by its tags and its name."""
        if row.disk_id:
            return compute.data_disk(row.region_id, row.disk_id)
        found = compute.media_disks_of_migration(row.region_id, row.migration_id)
        return next((each for each in found if each.name == row.disk_name), None)

    def _row(self, region_id: str, instance_id: str, account: str) -> MediaDisk | None:
        found = self._store.get(tables.LOCKS, _key(region_id, instance_id, account))
        return _media_disk_from_row(found) if found else None

    def _put_new(self, row: MediaDisk) -> bool:
        try:
            return self._store.put_new(tables.LOCKS, _key_of(row), _columns_of(row))
        except WriteInDoubt:
            return False  # the next call reads the row

    def _delete_row(self, row: MediaDisk) -> bool:
        try:
            return self._store.delete(tables.LOCKS, _key_of(row), expect=_columns_of(row))
        except WriteInDoubt:
            return self._row(row.region_id, row.instance_id, row.account_id) is None


def _require_snapshot(row: MediaDisk, compute: Compute) -> int:
    """The size of the row's snapshot in GiB. Raises Permanent if no disk can be made from the snapshot."""
    snapshot = compute.snapshots_by_id(row.region_id, [row.snapshot_id]).get(row.snapshot_id)
    if snapshot is None or snapshot.status != "accomplished":
        raise Permanent(
            "Media.SnapshotMissing",
            f"The snapshot {row.snapshot_id} with the installation media cannot be used in {row.region_id}.",
            "Name a finished snapshot of this region in REPLANK_WINDOWS_MEDIA, deploy, then retry.",
        )
    return snapshot.size_gib


def _require_own_disk(disk: DataDisk, row: MediaDisk) -> None:
    if disk.instance_id not in ("", row.instance_id) or not disk.is_media:
        raise Permanent(
            "Media.DiskChanged",
            f"Somebody has attached the media disk {disk.disk_id} elsewhere, or has removed its tag.",
            "Find out who changed the disk, delete it if nobody needs it, then retry.",
        )


def _key(region_id: str, instance_id: str, account: str) -> Key:
    return (("lock_id", f"{tables.MEDIA}{account}:{region_id}:{instance_id}"),)


def _key_of(row: MediaDisk) -> Key:
    return _key(row.region_id, row.instance_id, row.account_id)


def _columns_of(row: MediaDisk) -> Columns:
    return {
        _MIGRATION: row.migration_id,
        _HOP: row.hop,
        _ATTEMPT: row.attempt,
        _SNAPSHOT: row.snapshot_id,
        _SINCE: epoch_milliseconds(row.since),
        _DISK: row.disk_id,
    }


def _media_disk_from_row(row: Columns) -> MediaDisk:
    account, region_id, instance_id = str(row["lock_id"])[len(tables.MEDIA) :].split(":")
    return MediaDisk(
        region_id,
        instance_id,
        account,
        str(row[_MIGRATION]),
        int(row[_HOP]),
        int(row[_ATTEMPT]),
        str(row[_SNAPSHOT]),
        datetime.fromtimestamp(row[_SINCE] / 1000, timezone.utc),
        str(row.get(_DISK, "")),
    )
