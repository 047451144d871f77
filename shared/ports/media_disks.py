"""The port for the disks with the installation media of Windows, and for the table with one row for each such disk."""

from __future__ import annotations

from typing import Protocol

from shared.domain.media import MediaDisk
from shared.domain.migration import Migration
from shared.domain.record import dataclass
from shared.ports.compute import Compute


@dataclass(frozen=True)
class MediaDiskPage:
    """One page of the table's rows. On the last page, ``next_token`` is empty."""

    rows: tuple[MediaDisk, ...]
    next_token: str = ""


class MediaDisks(Protocol):
    """Creates, attaches, detaches and deletes media disks. Each method takes the next step and never waits for ECS.

    ``compute`` must be the port of the instance's account. Every method raises Transient (Store.Unavailable) if Tablestore does not
    answer, and the errors of ECS.
    """

    def attached_disk_id(self, migration: Migration, snapshot_id: str, compute: Compute) -> str:
        """Create the disk from the snapshot and attach it to the instance. Returns the disk's id once the disk is attached.

        Until then the result is empty, and the caller calls again later. A disk of an earlier run is removed first. Raises
        Permanent if the snapshot or the disk cannot be used.
        """

    def is_disk_of_run_removed(self, migration: Migration, compute: Compute) -> bool:
        """Detach and delete the disk of this run, or of an earlier run of the migration. Returns whether nothing is left of it."""

    def is_disk_removed(self, row: MediaDisk, compute: Compute) -> bool:
        """Detach and delete the row's disk, and then delete the row. Returns whether nothing is left of both.

        A disk without Replank's tag is never touched.
        """

    def may_have_rows(self) -> bool:
        """Whether the table may have rows. False only if no function of this deployment writes one, and none was there lately."""

    def media_disk_page(self, *, limit: int, token: str) -> MediaDiskPage:
        """A page of the rows of all accounts."""
