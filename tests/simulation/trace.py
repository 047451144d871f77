"""The events of a run as readable lines, or only the lines that matter for a violation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

QUIET = (
    "Describe",
    "GetRow",
    "GetRange",
    "BatchGetRow",
    "ListAccess",
)
"""Operations that only read."""


@dataclass
class RunTrace:
    """Lines with their virtual time. ``digest`` covers every line, kept or not."""

    keep: bool = True
    start_ms: int = 0
    lines: list[tuple[int, int, str]] = field(default_factory=list)
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, now_ms: int, depth: int, text: str) -> None:
        """Add one line. ``depth`` is the number of open invocations."""
        self._digest.update(f"{now_ms} {depth} {text}\n".encode())
        if self.keep:
            self.lines.append((now_ms, depth, text))

    def digest(self) -> str:
        """A digest that is equal for two runs exactly if all their lines are equal."""
        return self._digest.hexdigest()

    def show(self, words: tuple[str, ...] = (), *, calls: bool = False) -> str:
        """The timeline. With ``words`` (ids), only the lines that contain one of them, and faults, acts and violations."""
        chosen = [line for line in self.lines if self._matters(line[2], words, calls)]
        return "\n".join(f"{self._clock(at)} {'  ' * depth}{text}" for at, depth, text in chosen)

    def _matters(self, text: str, words: tuple[str, ...], calls: bool) -> bool:
        if not calls and any(f".{name}" in text for name in QUIET) and " FAULT " not in text:
            return False
        return not words or text.startswith(("FAULT", "VIOLATION", "PHASE")) or any(word in text for word in words)

    def _clock(self, at_ms: int) -> str:
        seconds = (at_ms - self.start_ms) / 1000
        return f"{int(seconds // 3600):3d}:{int(seconds // 60 % 60):02d}:{seconds % 60:06.3f}"
