"""The progress of resetting one disk in a rollback. The migration's row stores the progress of every disk."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from shared.domain.record import dataclass


class ResetState(Enum):
    """The progress of the reset of one disk."""

    PENDING = "pending"
    """The pipeline has not requested the reset yet."""
    ASKED = "asked"
    """The pipeline is about to request the reset, or does not know whether ECS accepted the request. After a crash, the pipeline
    repeats the request.
    """
    ACCEPTED = "accepted"
    """ECS accepted the reset, which may still be running."""
    RESTORED = "restored"
    """ECS reported that the reset is complete."""


@dataclass(frozen=True)
class DiskReset:
    """One disk that a rollback resets. The field ``at`` is the time at which ECS accepted the reset."""

    disk_id: str
    snapshot_id: str
    state: ResetState = ResetState.PENDING
    at: datetime | None = None
