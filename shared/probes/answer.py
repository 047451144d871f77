"""Reads the sections of a Linux probe's answer. If a section is missing or unreadable, or if its command failed, its facts stay
unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.probes.frame import AnswerSection

T = TypeVar("T")
USABLE_DESPITE_STATUS = {"mounts", "check", "updates", "fstab"}
"""Sections that are read even if their command failed. For example, df fails if it cannot read one of the mounts."""
STATUS = {127: "no such command", 124: "took longer than 15 s", 126: "not permitted"}


class LinuxAnswer:
    """The sections of a Linux probe's answer, and a reason for each section whose facts stay unknown."""

    def __init__(self, sections: dict[str, AnswerSection]) -> None:
        self.sections = sections
        self.unknown: dict[str, str] = {}

    def read_section(self, name: str, reader: Callable[[AnswerSection], T]) -> T | None:
        """The value that ``reader`` returns for the section with this name.

        If the section cannot be read, returns None and adds the reason to ``unknown``.
        """
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

    def truncated_sections(self) -> tuple[tuple[str, str], ...]:
        """The sections that were cut off, each with the number of lines that were kept."""
        return tuple((s.name, f"{s.kept} of {s.total} lines") for s in self.sections.values() if s.total)


def parse_whole_number(text: str) -> int:
    """The number in a string of at most 15 digits. Raises ValueError for any other string."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ValueError(text)
    return int(text)
