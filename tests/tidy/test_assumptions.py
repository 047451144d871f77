"""The page of assumptions names files and settings that exist, and names in these files."""

from __future__ import annotations

import re

from tests.support.repository import ROOT

PAGE = (ROOT / "docs/assumptions.md").read_text(encoding="utf-8")
FILE = r"(?:shared|localcloud|cli|console|tools|events|docs)/[\w./-]+\.(?:py|sh|md)"
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| assumption |", "| unknown fact |"))]


def test_its_files_exist() -> None:
    found = re.findall(FILE, PAGE)
    assert len(found) > 40
    assert [name for name in found if not (ROOT / name).is_file()] == []


def test_its_files_hold_the_names_beside_them() -> None:
    before = [(names, file) for names, file in re.findall(rf"((?:`[^`]+`, )*`[^`]+`) in ({FILE})", PAGE)]
    after = [(names, file) for file, names in re.findall(rf"({FILE}) \((`[^`]+`)\)", PAGE)]
    claims = [(name, file) for names, file in (*before, *after) for name in re.findall(r"`([^`]+)`", names)]
    assert len(claims) > 20
    text = {file: (ROOT / file).read_text(encoding="utf-8") for _, file in claims}
    assert [(name, file) for name, file in claims if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text[file])] == []


def test_its_settings_exist() -> None:
    settings = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"\bREPLANK_[A-Z_]+\b", PAGE) if name not in settings] == []


def test_each_row_has_three_cells_of_plain_sentences() -> None:
    assert len(ROWS) > 90
    assert [row[:60] for row in ROWS if row.count(" | ") != 2] == []
    sentences = [each for row in ROWS for cell in row.split(" | ") for each in re.split(r"(?<=[.!?])\s+(?=[A-Z`])", cell)]
    assert [each for each in sentences if len(each.split()) > 25] == []
