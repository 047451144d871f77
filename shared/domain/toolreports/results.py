"""Reads /etc/migration-results, in which leapp and convert2rhel record their runs (version 1 of its schema)."""

from __future__ import annotations

from shared.domain.record import dataclass
from shared.domain.toolreports.reading import json_object, value_as_line


@dataclass(frozen=True)
class RecordedRun:
    """One recorded run of a tool. All values are in the tool's own words."""

    kind: str
    """The kind of run: ``conversion`` or ``upgrade``."""
    success: bool
    source_os: str
    target_os: str
    ended: str
    run_id: str


def recorded_runs(text: str) -> tuple[RecordedRun, ...]:
    """Every recorded run, oldest first. Entries that do not fit the schema are left out."""
    listed = json_object(text).get("activities")
    found = []
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and isinstance(each.get("success"), bool):
            names = ("activity", "source_os", "target_os", "activity_ended", "run_id")
            kind, source, target, ended, run_id = (value_as_line(each.get(name)) for name in names)
            found.append(RecordedRun(kind, each["success"], source, target, ended, run_id))
    return tuple(found)


def latest_recorded_run(text: str) -> RecordedRun | None:
    """The latest recorded run; None if there is no run."""
    found = recorded_runs(text)
    return found[-1] if found else None
