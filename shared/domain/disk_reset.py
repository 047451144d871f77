"""The progress of resetting one disk in a rollback, as the migration's row stores it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class ResetState(Enum):
    """How far the reset of one disk is."""

    PENDING = "pending"
    """The reset has not been requested yet."""
    ASKED = "asked"
    """The request is about to be sent, or was sent and its answer is not known. The request is repeated after a crash."""
    ACCEPTED = "accepted"
    """ECS accepted the reset, which may still be running."""
    RESTORED = "restored"
    """ECS reported that the reset is complete."""


@dataclass(frozen=True)
class DiskReset:
    """One disk of a rollback. ``at`` is the time at which ECS accepted its reset."""

    disk_id: str
    snapshot_id: str
    state: ResetState = ResetState.PENDING
    at: datetime | None = None
