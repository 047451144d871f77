"""Makes the disks with the installation media of Windows, and removes them. Each disk has a row in the locks table.

The row is written before the disk is requested, and deleted after the disk. A crash between two calls therefore loses no disk: the
next call takes the next step.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from shared.adapters import tables
from shared.adapters.clock import epoch_milliseconds
from shared.adapters.page_tokens import first_key_of_page, page_token
from shared.adapters.store import Columns, Key, LowestKey, RowRange, Store, WriteInDoubt
from shared.domain.errors import Permanent, Refused
from shared.domain.media import (
    CREATE_UNTIL,
    LATE_CALL,
    MediaDisk,
    is_disk_of_this_or_earlier_run,
    media_disk_row,
    media_disk_token,
)
from shared.domain.migration import Migration
from shared.ports.clock import Clock
from shared.ports.compute import Compute, DataDisk
from shared.ports.media_disks import MediaDiskPage

_LOG = logging.getLogger("replank")
LOOK_FOR = timedelta(minutes=30)
"""How long a process whose deployment names no installation media looks for rows, and how long after it has found the last one.

Functions of the deployment before it, which may have named media, write for ten minutes more (the longest run of a function).
"""
_MIGRATION, _HOP, _ATTEMPT, _SNAPSHOT, _SINCE, _DISK = "media_for", "hop", "attempt", "snapshot_id", "since", "disk_id"
_REFUSED, _REFUSED_DISK = "refused", "refused_disk_id"
"""The categories, separated by commas, and the last disk. Both columns are missing if no disk was refused. Older versions do not
read them.
"""
_FIRST: Key = (("lock_id", tables.MEDIA),)
_END: Key = (("lock_id", tables.column_range_of_prefix(tables.MEDIA)[1]),)


class TablestoreMediaDisks:
    """Implements the port ``MediaDisks`` with Tablestore."""

    def __init__(self, store: Store, clock: Clock, *, writes_rows: bool = True) -> None:
        """``writes_rows`` is false if the deployment names no installation media, so that no function writes a row."""
        self._store, self._clock, self._writes_rows = store, clock, writes_rows
        self._rows_until = clock.now() + LOOK_FOR
        """If no function writes a row: until when this process looks for rows."""

    def attached_disk_id(self, migration: Migration, snapshot_id: str, compute: Compute) -> str:
        row = self._row_of_run(migration, snapshot_id, compute)
        if row is None:
            return ""
        if not row.disk_id:
            self._request_disk(row, compute)
            return ""
        if row.disk_id == row.refused_disk_id:
            self._remove_refused_disk(row, compute)
            return ""
        is_new = self._age(row) < LATE_CALL
        disk = compute.data_disk(row.region_id, row.disk_id)
        if disk is None:
            if not is_new:  # while it is new, the list may lag
                self._forget_disk(row)  # somebody has deleted the disk; the next call makes another one
            return ""
        _require_own_instance(disk, row)
        if not disk.is_media:
            if is_new:
                return ""  # the list may show the disk before its tags
            raise _disk_changed(disk)
        if disk.status == "Available" and not compute.attach_disk(row.region_id, row.instance_id, row.disk_id):
            self._note_refusal(row, disk.category, compute)
            return ""
        return row.disk_id if disk.status == "In_use" and disk.instance_id == row.instance_id else ""

    def is_disk_of_run_removed(self, migration: Migration, compute: Compute) -> bool:
        row = self._row(migration.region_id, migration.instance_id, migration.account_id)
        if row is None or not is_disk_of_this_or_earlier_run(row, migration):
            return True
        return self.is_disk_removed(row, compute)

    def is_disk_removed(self, row: MediaDisk, compute: Compute) -> bool:
        disks = self._disks_of_row(row, compute)
        # The call that creates the disk may be under way, or the list may lag.
        is_all_seen = self._age(row) >= LATE_CALL or (bool(row.disk_id) and row.disk_id in {each.disk_id for each in disks})
        is_gone = [self._is_one_disk_removed(each, row, compute) for each in disks]
        return is_all_seen and all(is_gone) and self._delete_row(row)

    def _is_one_disk_removed(self, disk: DataDisk, row: MediaDisk, compute: Compute) -> bool:
        if disk.migration_id != row.migration_id or not disk.is_media:
            if self._age(row) < LATE_CALL:
                return False  # the list may show the disk before its tags
            _LOG.error("disk %s is not Replank's and is kept", disk.disk_id, extra={"migrationId": row.migration_id})
            return True
        if disk.instance_id not in ("", row.instance_id):
            raise Permanent(
                "Media.DiskLeft",
                f"The media disk {disk.disk_id} of {row.instance_id} is attached to {disk.instance_id}, and is left there.",
                "Find out who attached the disk there. Detach it in the ECS console; then Replank deletes it.",
            )
        try:
            if disk.status == "In_use":
                compute.detach_disk(row.region_id, row.instance_id, disk.disk_id)
                return False
            if disk.status != "Available":
                return False  # ECS is still creating, attaching or detaching it
            compute.delete_disk(row.region_id, disk.disk_id)
        except Refused as error:
            _LOG.info("the media disk is removed later: %s", error, extra={"migrationId": row.migration_id})
            return False
        return compute.data_disk(row.region_id, disk.disk_id) is None

    def may_have_rows(self) -> bool:
        return self._writes_rows or self._clock.now() < self._rows_until

    def media_disk_page(self, *, limit: int, token: str) -> MediaDiskPage:
        start = first_key_of_page(token, (("lock_id", LowestKey),)) if token else _FIRST
        rows, following = self._store.read_range(RowRange(tables.LOCKS, start, _END), limit=limit)
        if rows:
            self._rows_until = self._clock.now() + LOOK_FOR
        return MediaDiskPage(tuple(map(_media_disk_from_row, rows)), page_token(following))

    # The row ----------------------------------------------------------------------------------------------------------

    def _row_of_run(self, migration: Migration, snapshot_id: str, compute: Compute) -> MediaDisk | None:
        """The row of this run, written if it was missing. None while the disk of another run is being removed."""
        wanted = media_disk_row(migration, snapshot_id, self._clock.now())
        row = self._row(migration.region_id, migration.instance_id, migration.account_id)
        # A disk that is there serves its run to the end, even if the setting names another snapshot meanwhile.
        if row is not None and (row.run != wanted.run or (not row.disk_id and row.snapshot_id != snapshot_id)):
            if not self.is_disk_removed(row, compute):
                return None
            row = None
        if row is None:
            _require_snapshot(wanted, compute)  # a wrong setting is told before anything is written
            return wanted if self._put_new(wanted) else None
        return row

    def _request_disk(self, row: MediaDisk, compute: Compute) -> None:
        """Create the disk. If the row is too old for that, look for the disk, or forget the row; the next call writes a new one."""
        if self._age(row) < CREATE_UNTIL:
            self._create_disk(row, compute)
        elif found := self._disks_of_row(row, compute):
            self._note_disk(row, found[0].disk_id)
        elif self._age(row) >= LATE_CALL:
            self._forget_disk(row)

    def _note_refusal(self, row: MediaDisk, category: str, compute: Compute) -> None:
        """Write into the row that the instance does not take its disk, before the disk is deleted. So a call after a crash does not
        attach it again, but deletes it.
        """
        refused = replace(row, refused=(*row.refused, category), refused_disk_id=row.disk_id)
        _LOG.info("a media disk of %s is refused", category, extra={"migrationId": row.migration_id})
        if self._store.update(tables.LOCKS, _key_of(row), _refusal_columns(refused), expect=_columns_of(row)):
            self._remove_refused_disk(refused, compute)

    def _remove_refused_disk(self, row: MediaDisk, compute: Compute) -> None:
        """Delete the row's disk. Only once it is gone, the row asks for another disk."""
        disks = self._disks_of_row(row, compute)
        is_gone = [self._is_one_disk_removed(each, row, compute) for each in disks]
        if all(is_gone):
            self._forget_disk(row)

    def _forget_disk(self, row: MediaDisk) -> None:
        """Let the next call make another disk, with another client token. What the instance has refused stays known."""
        if not row.refused:
            self._delete_row(row)
            return
        changes = {_SINCE: epoch_milliseconds(self._clock.now().replace(microsecond=0)), _DISK: ""}
        self._store.update(tables.LOCKS, _key_of(row), changes, expect=_columns_of(row))

    def _create_disk(self, row: MediaDisk, compute: Compute) -> None:
        size_gib = _require_snapshot(row, compute)
        disk_id = compute.create_media_disk(row, size_gib, token=media_disk_token(row))
        self._note_disk(row, disk_id)

    def _note_disk(self, row: MediaDisk, disk_id: str) -> None:
        """Write the disk's id into the row. If another function has deleted the row meanwhile, the row is put back."""
        if self._store.update(tables.LOCKS, _key_of(row), {_DISK: disk_id}, expect=_columns_of(row)):
            return
        present = self._row(row.region_id, row.instance_id, row.account_id)
        if present is None and self._put_new(replace(row, disk_id=disk_id)):
            return
        if present is None or present.disk_name != row.disk_name:  # a row with this name removes the disk by its name
            _LOG.error("the media disk %s has no row", disk_id, extra={"migrationId": row.migration_id})

    def _disks_of_row(self, row: MediaDisk, compute: Compute) -> tuple[DataDisk, ...]:
        """The row's disks: the one with its id, and all with its name and the migration's tags.

        If the answer with an id was lost, the disk is found by its name.
        """
        own = compute.data_disk(row.region_id, row.disk_id) if row.disk_id else None
        found = compute.media_disks_of_migration(row.region_id, row.migration_id)
        named = tuple(each for each in found if each.name == row.disk_name)
        return named if own is None else (own, *(each for each in named if each.disk_id != own.disk_id))

    def _age(self, row: MediaDisk) -> timedelta:
        return self._clock.now() - row.since

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


def _require_own_instance(disk: DataDisk, row: MediaDisk) -> None:
    if disk.instance_id not in ("", row.instance_id):
        raise _disk_changed(disk)


def _disk_changed(disk: DataDisk) -> Permanent:
    return Permanent(
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
        **(_refusal_columns(row) if row.refused else {}),
    }


def _refusal_columns(row: MediaDisk) -> Columns:
    return {_REFUSED: ",".join(row.refused), _REFUSED_DISK: row.refused_disk_id}


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
        tuple(filter(None, str(row.get(_REFUSED, "")).split(","))),
        str(row.get(_REFUSED_DISK, "")),
    )
