"""The sections of a Linux answer, read one by one; missing, failed and unreadable ones are noted as unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.probes.frame import Section

T = TypeVar("T")
USABLE_DESPITE_STATUS = {"mounts", "check", "updates", "fstab"}
"""Sections to read even if their command failed: df fails if a single mount cannot be read."""
STATUS = {127: "no such command", 124: "took longer than 15 s", 126: "not permitted"}


class Answer:
    """The sections of one answer, and the parts that stay unknown."""

    def __init__(self, sections: dict[str, Section]) -> None:
        self.sections = sections
        self.unknown: dict[str, str] = {}

    def read(self, name: str, reader: Callable[[Section], T]) -> T | None:
        """The value that ``reader`` reads from a section; None, with the reason noted, if it cannot."""
        section = self.sections.get(name)
        if section is None:
            self.unknown[name] = "not told"
        elif section.status and not (section.lines and name in USABLE_DESPITE_STATUS):
            self.unknown[name] = STATUS.get(section.status, f"status {section.status}")
        else:
            try:
                return reader(section)
            except (ValueError, IndexError):
                self.unknown[name] = "unreadable"
        return None

    def cuts(self) -> tuple[tuple[str, str], ...]:
        """Sections that were cut, with the amount that was kept."""
        return tuple((s.name, f"{s.kept} of {s.total} lines") for s in self.sections.values() if s.total)


def whole(text: str) -> int:
    """A number of at most 15 digits; raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ValueError(text)
    return int(text)
