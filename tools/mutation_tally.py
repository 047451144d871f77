"""The outcomes of tools/mutation.py in a file, so that an interrupted run can continue."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class CodeChange:
    """One change. ``occurrence`` counts, within the file, the places that the operator can change."""

    file: str
    operator: str
    occurrence: int


class MutationTally:
    """The outcomes so far, in a file if one is given: one line that describes the draw, then one line per change."""

    def __init__(self, path: Path | None, drawn: dict[str, object]) -> None:
        """Raises SystemExit if the file belongs to another draw, because the outcomes must not be mixed."""
        self.path, self.outcomes = path, dict[CodeChange, bool]()
        if path is None or not path.exists():
            self._write(drawn)
            return
        head, *lines = path.read_text(encoding="utf-8").splitlines()
        if json.loads(head) != drawn:
            raise SystemExit(f"{path} belongs to another draw: {head}. Name another file, or remove it.")
        for line in lines:
            outcome = json.loads(line)
            lives = outcome.pop("survived")
            self.outcomes[CodeChange(**outcome)] = lives

    def note(self, change: CodeChange, lives: bool) -> None:
        """Record one outcome."""
        self.outcomes[change] = lives
        self._write({**asdict(change), "survived": lives})

    def score(self) -> str:
        """How many of the changes the tests noticed."""
        survivors = sum(self.outcomes.values())
        return f"{len(self.outcomes) - survivors} of {len(self.outcomes)} changes were noticed."

    def _write(self, line: dict[str, object]) -> None:
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
