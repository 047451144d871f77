"""A long run in a file, chunk by chunk. An interrupted run continues where it stopped, but only with the same code."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from tests.simulation.figures import Figures

ROOT = Path(__file__).resolve().parents[2]
CODE = (
    *("functions", "shared", "events", "localcloud", "cli", "tests/simulation", "tests/support"),
    *("template.yml", "s.yaml", "requirements"),
)
"""The files that a run depends on: the product, its deployment files, the local cloud, the simulation, and the pins of the SDKs."""
Chunk = tuple[int, int]
"""The first seed and how many."""


class OtherCode(Exception):
    """The file was written by another version of the code, or is not a tally."""


def fingerprint(root: Path = ROOT) -> str:
    """A digest of every file that a run depends on, without the simulation's own tests."""
    digest = hashlib.sha256()
    for name in CODE:
        top = root / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and not _apart(path):
                digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _apart(path: Path) -> bool:
    return "__pycache__" in path.parts or path.name.startswith("test_") or path.name == "seeds.txt"


class ChunkTally:
    """The figures of the finished chunks. Each chunk is written at once, completely or not at all."""

    def __init__(self, path: Path | None = None, driver: str = "") -> None:
        """Without a path the figures are in memory only. Raises OtherCode if the file's figures cannot be added to.

        They cannot if they are of other code, or if ``driver`` chose the seeds in one of the two runs only.
        """
        self.path = path
        self.figures, self.seconds, self.chunks = Figures(), 0.0, set[Chunk]()
        self.code = f"{fingerprint()} {driver}".strip()
        if path and path.exists():
            self._read(path)

    def add(self, chunk: Chunk, figures: Figures, seconds: float) -> None:
        """Add a chunk (first seed, seeds) and the seconds that its process took.

        The seconds are real time inside the chunk, summed over processes. Time between two chunks, or between two runs of the
        command, does not count. So two parallel processes add two hours per hour.
        """
        self.figures.merge(figures)
        self.seconds += seconds
        self.chunks.add(chunk)
        if self.path is None:
            return
        written = self.path.with_suffix(".new")
        written.write_text(json.dumps(self._values(), indent=1) + "\n", encoding="utf-8")
        os.replace(written, self.path)

    def _values(self) -> dict[str, Any]:
        chunks = [list(chunk) for chunk in sorted(self.chunks)]
        return {"code": self.code, "seconds": round(self.seconds, 1), "figures": self.figures.as_json(), "chunks": chunks}

    def _read(self, path: Path) -> None:
        remedy = "Move it away or name another file."
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            code = values["code"]
            self.figures, self.seconds = Figures.from_json(values["figures"]), float(values["seconds"])
            self.chunks = {(first, count) for first, count in values["chunks"]}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OtherCode(f"{path} is no tally of make simulate ({error!r}). {remedy}") from error
        if code != self.code:
            raise OtherCode(f"{path} tells of the code {code}, this is {self.code}: their figures do not add up. {remedy}")
