"""/etc/migration-results: the record that leapp and convert2rhel both write of what they did (version 1 of its schema)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.toolreports.reading import document, said


@dataclass(frozen=True)
class Activity:
    """One run of a tool, in its own words."""

    kind: str
    """``conversion`` or ``upgrade``."""
    success: bool
    source_os: str
    target_os: str
    ended: str
    run_id: str


def activities(text: str) -> tuple[Activity, ...]:
    """Every run, oldest first; what is not of the schema is left out."""
    listed = document(text).get("activities")
    found = []
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and isinstance(each.get("success"), bool):
            names = ("activity", "source_os", "target_os", "activity_ended", "run_id")
            kind, source, target, ended, run_id = (said(each.get(name)) for name in names)
            found.append(Activity(kind, each["success"], source, target, ended, run_id))
    return tuple(found)


def last(text: str) -> Activity | None:
    """The latest run; None if the record holds none."""
    found = activities(text)
    return found[-1] if found else None
