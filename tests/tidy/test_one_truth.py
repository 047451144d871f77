"""What is said in one place only: a second place would drift. Each row names the place, and what nobody else may write."""

from __future__ import annotations

import re

import pytest

from tests.support.repository import ROOT, name_of, source_files

ROOMS = ("shared", "cli", "functions")
ONCE: dict[str, tuple[str, frozenset[str]]] = {
    "the names of the drivers": (r'"console"', frozenset({"shared/domain/drivers.py"})),
    "which disks are the user's": (
        r"not \w+\.used_by_smc_transit",
        frozenset({"shared/domain/facts.py"}),
    ),
    "when a retention is over": (r"timedelta\(days=\w*\.?retention_days", frozenset({"shared/domain/ledger.py"})),
    "what tells one tick's reminder from another's": (r"%Y%m%dT%H%M%S", frozenset({"shared/domain/events.py"})),
    "the names of stored observations": (
        r'f"(?:baseline|after|instance)-\{|"baseline-\d"',
        frozenset({"shared/domain/observation.py"}),
    ),
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
