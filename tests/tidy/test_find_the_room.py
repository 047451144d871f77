"""The page that says where to look: its files are there, and hold what it says."""

from __future__ import annotations

import re

from tests.support.repository import ROOT

PAGE = (ROOT / "docs/find-the-room.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if re.search(r"\| \d+ \|$", line)]
FILE = r"`([\w./-]+\.(?:py|sh|md|yml|yaml))`"


def test_there_are_twelve_changes() -> None:
    assert len(ROWS) == 12


def test_its_files_exist() -> None:
    found = re.findall(FILE, PAGE)
    assert len(found) > len(ROWS)
    assert [name for name in found if not (ROOT / name).is_file()] == []


def test_its_files_hold_the_names_in_brackets() -> None:
    claims = re.findall(FILE + r" \(`(\w+)`\)", PAGE)
    assert len(claims) >= len(ROWS)
    assert [(file, name) for file, name in claims if not re.search(rf"\b{name}\b", (ROOT / file).read_text(encoding="utf-8"))] == []


def test_the_numbers_are_those_of_the_files() -> None:
    wrong = [row for row in ROWS if len(set(re.findall(FILE, row))) != int(row.split("|")[-2])]
    assert wrong == []
