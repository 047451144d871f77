"""The reliability page lists all mutants, and each mutant still fits the code."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.simulation.invariants import all_checkers
from tests.simulation.mutants import MUTANTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


def listed() -> list[tuple[int, str]]:
    """The invariant and the name of each mutant on the page."""
    text = PAGE.read_text(encoding="utf-8").partition("| invariant | the bug put in |")[2].partition("\n\n")[0]
    found, number = [], 0
    for first, name in re.findall(r"^\| ?(.*?) ?\| (.*) \|$", text, re.MULTILINE):
        number = int(first.split()[0]) if first else number
        found.append((number, name))
    return found


def test_the_page_lists_every_mutant() -> None:
    assert Counter(listed()) == Counter((mutant.found, mutant.name) for mutant in MUTANTS)


def test_every_mutant_can_be_patched_in() -> None:
    """A name that a mutant replaces may be gone. Then the mutant would raise instead of being found."""
    for mutant in MUTANTS:
        with ExitStack() as stack:
            for patch in mutant.patches():
                stack.enter_context(patch)


def test_every_invariant_has_two_mutants_at_least() -> None:
    bugs = Counter(mutant.found for mutant in MUTANTS)
    assert {checker.number: bugs[checker.number] >= 2 for checker in all_checkers()} == dict.fromkeys(range(1, 16), True)
