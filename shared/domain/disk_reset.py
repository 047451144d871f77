"""The progress of a rollback with one disk, as the migration's row keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class ResetState(Enum):
    """The progress of one disk."""

    PENDING = "pending"
    """Not reset."""
    ASKED = "asked"
    """The reset is about to be requested, or was requested. After a crash or a lost answer the disk stays in this state, and the
    request is repeated."""
    ACCEPTED = "accepted"
    """ECS accepted the reset; it may still be at work."""
    RESTORED = "restored"
    """ECS showed the disk at rest after its reset."""


@dataclass(frozen=True)
class DiskReset:
    """One disk of a rollback. ``at`` is when its reset was accepted."""

    disk_id: str
    snapshot_id: str
    state: ResetState = ResetState.PENDING
    at: datetime | None = None
