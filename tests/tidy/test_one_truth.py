"""What is said in one place only: a second place would drift. Each row names the place, and what nobody else may write."""

from __future__ import annotations

import re

import pytest

from tests.support.repository import ROOT, name_of, source_files

ROOMS = ("shared", "cli", "functions")
ONCE: dict[str, tuple[str, frozenset[str]]] = {
    "the names of the drivers": (r'"console"', frozenset({"shared/domain/drivers.py"})),
    "a test of a driver's name": (r'driver\w*(?:\.name)? (?:==|!=|in|not in) ["(]', frozenset()),
}
"""By what it is: a pattern, and the files that may hold it."""


@pytest.mark.parametrize("truth", ONCE)
def test_it_is_written_in_one_place(truth: str) -> None:
    pattern, places = ONCE[truth]
    found = {name_of(path) for path in source_files(*ROOMS) if re.search(pattern, path.read_text(encoding="utf-8"))}
    assert found - places == set()


@pytest.mark.parametrize("truth", ONCE)
def test_the_place_exists(truth: str) -> None:
    pattern, places = ONCE[truth]
    assert [place for place in places if not re.search(pattern, (ROOT / place).read_text(encoding="utf-8"))] == []
