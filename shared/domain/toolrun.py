"""One run of a tool inside an instance, as the guest itself tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LATE_S = 120
"""Seconds after which a run that was asked for and does not run has been cut off."""
WORKING = frozenset({"installing", "checking", "running"})
"""Phases in which our own process runs."""
ABOUT_TO = frozenset({"begun", "prepared"})
"""Phases after which one is about to."""


@dataclass(frozen=True)
class ToolAnswer:
    """What the guest said. Empty texts mean that it said nothing of it."""

    run: str = ""
    """The id of the run that the guest has a record of. Another id than ours belongs to another migration or attempt."""
    word: str = ""
    """Why nothing was begun: ``busy`` (a tool is at work), ``past`` (an earlier run has changed the system),
    ``ended`` (this run is over)."""
    phase: str = ""
    """begun, installing, not-installed, checking, refused, prepared, running, failed, restarting."""
    status: int | None = None
    started: bool = False
    """Whether the tool was to replace the system, and not only to look at it."""
    active: bool = False
    """Whether our process runs."""
    age_s: int = 0
    """Seconds since the phase began, by the guest's clock."""
    returned: bool = False
    """Whether the guest has restarted since the phase began."""
    busy: bool = False
    """Whether the tool is at work, whoever started it."""
    done: bool = False
    """Whether the recipe's test says that the replacement is complete."""
    changed: bool = False
    """Whether the run is past the recipe's point of no return."""
    progress: int = 0
    report: str = ""
    results: str = ""
    log: str = ""
    """The end of what the tool printed."""
    os_id: str = ""
    os_version: str = ""
    os_name: str = ""
    at: datetime | None = None
    """When the command began that brought the answer."""

    @property
    def is_at_work(self) -> bool:
        """Whether the tool may still change something: it runs, or its restart is still to come."""
        return self.active or self.busy or (self.phase == "restarting" and not self.returned)

    @property
    def is_cut(self) -> bool:
        """Whether the run was cut off: it should be at work, and nothing is."""
        if self.active:
            return False
        if self.phase in WORKING:
            return True
        waiting = self.phase == "begun" or (self.phase in ABOUT_TO and self.started)
        return waiting and (self.age_s > LATE_S or self.returned)


def run_id(migration_id: str, hop: int, attempt: int) -> str:
    """What the guest knows the run by: the same whenever the same attempt asks again."""
    return f"rp-{migration_id}-{hop}-{attempt}"


def is_fresh(answer: ToolAnswer | None, now: datetime, within: timedelta) -> bool:
    """Whether the answer is new enough that the guest need not be asked once more."""
    return answer is not None and answer.at is not None and now - answer.at < within
