"""Draws sentences and names of the code by a seed, for a stranger to read: ``python -m tools.prose --seed 7``.

It also counts the sentences that have more words than the house style allows.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("shared", "functions", "cli")
MOST_WORDS = 25
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")
Drawn = tuple[str, str]
"""The place, and the sentence or name."""


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def sentences() -> list[Drawn]:
    """Every sentence of a docstring, or of the text below a constant or field."""
    return [
        (f"{place}:{node.lineno}", " ".join(sentence.split()))
        for place, module in _modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for sentence in _END.split(node.value.value.strip())
        if len(sentence.split()) > 2
    ]


def names() -> list[Drawn]:
    """Every function and class."""
    return [
        (f"{place}:{node.lineno}", node.name)
        for place, module in _modules()
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("__")
    ]


def too_long(found: list[Drawn]) -> list[Drawn]:
    """The sentences with more words than the house style allows."""
    return [each for each in found if len(each[1].split()) > MOST_WORDS]


def main() -> None:
    """Print the draw."""
    parser = argparse.ArgumentParser(description="Draw sentences and names of the library, for a stranger to judge.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--number", type=int, default=80)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    written = sentences()
    print(f"seed {asked.seed}; {len(too_long(written))} of {len(written)} sentences have more than {MOST_WORDS} words")
    for drawn in (chance.sample(written, asked.number), chance.sample(names(), asked.number)):
        print()
        for place, text in drawn:
            print(f"{place}  {text}")


if __name__ == "__main__":
    main()
