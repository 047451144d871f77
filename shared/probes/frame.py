"""Reads the frame of a Linux probe's answer: the header, the sections with their exit statuses, and the end marker."""

from __future__ import annotations

from dataclasses import field

from shared.domain.record import dataclass

HEADER = "replank-probe 1 linux"
"""The first line of a Linux probe's answer. The number in the line is the version of the answer's format."""


class ProbeUnreadable(Exception):
    """Raised if an answer cannot be read.

    ``code`` is Probe.Empty, Probe.Truncated, Probe.TooLarge, Probe.Garbage or Probe.VersionUnknown.
    """

    def __init__(self, code: str, what: str) -> None:
        super().__init__(f"{code}: {what}")
        self.code = code
        self.what = what


@dataclass
class AnswerSection:
    """One section of a Linux probe's answer.

    ``status`` is the exit status of the section's command. ``total`` is the number of lines before the section was cut off.
    """

    name: str
    lines: list[str] = field(default_factory=list)
    status: int = 0
    kept: int = 0
    total: int = 0

    def values_for_key(self, key: str) -> list[str]:
        """The rest of each line that begins with ``key`` and a space."""
        start = key + " "
        return [line[len(start) :] for line in self.lines if line.startswith(start)]

    def first_value_for_key(self, key: str) -> str | None:
        """The rest of the first line that begins with ``key`` and a space; None if there is no such line."""
        found = self.values_for_key(key)
        return found[0] if found else None


def sections_of_answer(text: str) -> dict[str, AnswerSection]:
    """Maps the name of each section in a Linux probe's answer to the section. Raises ProbeUnreadable if the frame is incomplete."""
    lines = text.rstrip("\n").split("\n")
    lines = _lines_of_answer(lines)
    _check_header_and_end_marker(lines)
    sections: dict[str, AnswerSection] = {}
    current: AnswerSection | None = None
    for line in lines[1:-1]:
        if line.startswith(" ") and current is not None:
            current.lines.append(line[1:])
        elif line.startswith("@rc ") and current is not None:
            current.status = _parse_whole_number(line[4:])
            sections[current.name] = current
            current = None
        elif line.startswith("@cut ") and current is not None:
            kept, total = [*line.split(" "), "", ""][2:4]
            current.kept, current.total = _parse_whole_number(kept), _parse_whole_number(total)
        elif line.startswith("@") and current is None:
            current = AnswerSection(line[1:])
        else:
            raise ProbeUnreadable("Probe.Garbage", f"unexpected line {line[:60]!r}")
    if current is not None or _parse_whole_number(lines[-1][5:]) != len(sections):
        raise ProbeUnreadable("Probe.Garbage", f"{len(sections)} sections arrived, the end says {lines[-1][5:20]!r}")
    return sections


def _lines_of_answer(lines: list[str]) -> list[str]:
    """The lines of the answer, from the last header to the last end marker.

    A shell profile or an agent may print lines before and after the answer.
    """
    begins = [at for at, line in enumerate(lines) if line.startswith("replank-probe ")]
    ends = [at for at, line in enumerate(lines) if line.startswith("@end ")]
    return lines[begins[-1] : ends[-1] + 1] if begins and ends and begins[-1] < ends[-1] else lines


def _check_header_and_end_marker(lines: list[str]) -> None:
    first, last = lines[0], lines[-1]
    ended = last.startswith("@end ")
    if first.startswith("replank-probe ") and first != HEADER:
        raise ProbeUnreadable("Probe.VersionUnknown", f"the answer begins with {first[:60]!r}")
    if first != HEADER and not ended:
        raise ProbeUnreadable("Probe.Garbage", f"the answer begins with {first[:60]!r}")
    if first != HEADER or not ended:
        raise ProbeUnreadable("Probe.Truncated", "the answer has no " + ("end" if first == HEADER else "beginning"))


def _parse_whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ProbeUnreadable("Probe.Garbage", f"{text[:20]!r} is not a number")
    return int(text)
