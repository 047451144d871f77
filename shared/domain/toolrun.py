"""One run of an upgrade tool inside an instance, as the guest reports the run."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.record import dataclass
from shared.domain.text import plain_lines, text_without_secrets

MOST_LOG = 1_500
"""Maximum length, in characters, of the part of a tool's log that is stored. The text must be short, because every stage reads the
row in which the text is stored.
"""
LATE_S = 120
"""The number of seconds after which a requested run without a process counts as cut off."""
WORKING = frozenset({"installing", "checking", "running"})
"""Phases of a run in which the pipeline's process runs in the guest."""
ABOUT_TO = frozenset({"begun", "prepared"})
"""Phases of a run in which the pipeline's process in the guest is about to start."""


@dataclass(frozen=True)
class ToolAnswer:
    """The guest's answer about the run of a tool. A text that the guest did not report is empty."""

    run: str = ""
    """The id of the run in the guest's record. If the id differs from ``tool_run_id``, the run belongs to another migration or
    attempt.
    """
    word: str = ""
    """Why the tool was not started: ``busy`` (a tool is at work), ``past`` (an earlier run has changed the system), ``ended`` (this
    run is over).
    """
    asked: str = ""
    """The id of the run for which the command was sent. Empty if a script of an older version answered."""
    phase: str = ""
    """The phase of the run: begun, installing, not-installed, unlicensed, checking, refused, prepared, running, failed or
    restarting."""
    status: int | None = None
    started: bool = False
    """Whether the run is meant to replace the operating system. A run for another purpose only checks the guest."""
    active: bool = False
    """Whether the pipeline's process in the guest is running."""
    age_s: int = 0
    """Seconds since the phase began, according to the guest's clock."""
    returned: bool = False
    """Whether the guest has restarted since the phase began."""
    busy: bool = False
    """Whether the tool is at work, no matter who started the tool."""
    done: bool = False
    """Whether the recipe's test says that the replacement is complete."""
    changed: bool = False
    """Whether the run has passed the point after which the tool cannot undo its changes."""
    progress: int = 0
    report: str = ""
    results: str = ""
    log: str = ""
    """The end of the tool's output."""
    os_id: str = ""
    os_version: str = ""
    os_name: str = ""
    at: datetime | None = None
    """When the command that returned the answer began."""

    @property
    def is_tool_working(self) -> bool:
        """Whether the tool can still change something: it is running, or the restart that it needs has not happened yet."""
        return self.active or self.busy or (self.phase == "restarting" and not self.returned)

    @property
    def is_cut_off(self) -> bool:
        """Whether the run was cut off: it should have a process in the guest, but has none."""
        if self.active:
            return False
        if self.phase in WORKING:
            return True
        waiting = self.phase == "begun" or (self.phase in ABOUT_TO and self.started)
        return waiting and (self.age_s > LATE_S or self.returned)


def tool_run_id(migration_id: str, hop: int, attempt: int) -> str:
    """The id of a tool's run in the guest's record. The id depends only on the migration, the hop and the attempt."""
    return f"rp-{migration_id}-{hop}-{attempt}"


def is_answer_fresh(answer: ToolAnswer | None, now: datetime, within: timedelta) -> bool:
    """Whether the answer is so recent that the guest need not be asked again."""
    return answer is not None and answer.at is not None and now - answer.at < within


def end_of_log(text: str) -> str:
    """The part of a tool's log that is kept after a failure: the last whole lines, without secrets, with at most MOST_LOG
    characters.
    """
    text = text_without_secrets(plain_lines(text.replace("\r", "\n"))).strip("\n")
    if len(text) <= MOST_LOG:
        return text
    cut = text[-MOST_LOG:]
    return cut.partition("\n")[2] or cut
