"""What happened in a run, as lines a person can read; and only the lines that matter to a violation."""

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
"""Operations that only look."""


@dataclass
class RunTrace:
    """Lines with their virtual time; ``digest`` covers every one of them, kept or not."""

    keep: bool = True
    start_ms: int = 0
    lines: list[tuple[int, int, str]] = field(default_factory=list)
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, now_ms: int, depth: int, text: str) -> None:
        """One line; ``depth`` is how many invocations are open."""
        self._digest.update(f"{now_ms} {depth} {text}\n".encode())
        if self.keep:
            self.lines.append((now_ms, depth, text))

    def digest(self) -> str:
        """The same for two runs exactly where every line is the same."""
        return self._digest.hexdigest()

    def show(self, words: tuple[str, ...] = (), *, calls: bool = False) -> str:
        """The timeline; with ``words`` only lines that name one of them (ids), faults, acts and violations."""
        chosen = [line for line in self.lines if self._matters(line[2], words, calls)]
        return "\n".join(f"{self._clock(at)} {'  ' * depth}{text}" for at, depth, text in chosen)

    def _matters(self, text: str, words: tuple[str, ...], calls: bool) -> bool:
        if not calls and any(f".{name}" in text for name in QUIET) and " FAULT " not in text:
            return False
        return not words or text.startswith(("FAULT", "VIOLATION", "PHASE")) or any(word in text for word in words)

    def _clock(self, at_ms: int) -> str:
        seconds = (at_ms - self.start_ms) / 1000
        return f"{int(seconds // 3600):3d}:{int(seconds // 60 % 60):02d}:{seconds % 60:06.3f}"
