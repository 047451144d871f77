"""The disk with the installation media of Windows: one for each run of the guest driver on a Windows instance.

The disk is made from a snapshot that the operator names, and is deleted at the end. A row about the disk is written before the disk
is requested, so that no disk is forgotten. All functions in this module are pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.migration import Migration, State
from shared.domain.record import dataclass

MEDIA_PURPOSE = "media"
"""The value of the tag ``replank:purpose`` of every media disk. Policies allow the functions no other disk."""
CREATE_UNTIL = timedelta(minutes=5)
"""The disk is requested only while its row is younger than this."""
LATE_CALL = CREATE_UNTIL + timedelta(minutes=10)
"""The longest time from writing the row to the arrival of the call that creates the disk. Until then a row without a disk is kept.

A function runs for at most ten minutes (s.yaml). Within this time, lists of ECS may also lack the disk or its tags.
"""
IN_USE = frozenset({State.SNAPSHOTTED, State.MIGRATING})
"""The states in which a migration may need its media disk."""


@dataclass(frozen=True)
class MediaDisk:
    """The row of one media disk. ``disk_id`` is empty until ECS has answered with the id of the disk."""

    region_id: str
    instance_id: str
    account_id: str
    """The id of the member account; empty for the deployment's own account."""
    migration_id: str
    hop: int
    attempt: int
    snapshot_id: str
    since: datetime
    """When the row was written, or when another disk was decided on."""
    disk_id: str = ""
    refused: tuple[str, ...] = ()
    """The categories of the disks that the instance did not take."""
    refused_disk_id: str = ""
    """The last disk that the instance did not take. It is deleted before another one is made."""

    @property
    def run(self) -> tuple[str, int, int]:
        return self.migration_id, self.hop, self.attempt

    @property
    def disk_name(self) -> str:
        """The name of the disk in ECS, at most 128 characters."""
        return f"replank-media-{self.migration_id}-{self.hop}-{self.attempt}"


def media_disk_row(migration: Migration, snapshot_id: str, now: datetime) -> MediaDisk:
    """The row to write before the disk is requested. Its time has whole seconds, so it reads as it was written."""
    return MediaDisk(
        migration.region_id,
        migration.instance_id,
        migration.account_id,
        migration.migration_id,
        migration.hop,
        migration.attempt,
        snapshot_id,
        now.replace(microsecond=0),
    )


def media_disk_token(row: MediaDisk) -> str:
    """The client token of the call that creates the disk. A row that is written again later gets another token and another disk."""
    return f"rp-{row.migration_id}-media-{row.hop}-{row.attempt}-{int(row.since.timestamp())}"[:64]


def is_media_disk_needed(row: MediaDisk, migration: Migration | None) -> bool:
    """Whether the row's run may still use the disk. ``migration`` is the row's migration; None if it is gone."""
    if migration is None or migration.state not in IN_USE:
        return False
    return row.run == (migration.migration_id, migration.hop, migration.attempt)


def is_disk_of_this_or_earlier_run(row: MediaDisk, migration: Migration) -> bool:
    """Whether the disk belongs to the migration, and not to a later run of it."""
    return row.migration_id == migration.migration_id and (row.hop, row.attempt) <= (migration.hop, migration.attempt)
