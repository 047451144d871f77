"""Edits that do harm are noticed by a test near the code: tests/support/edits.py has them, docs/testing.md shows them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.edits import EDITS, Edit
from tests.support.repository import ROOT, files, name_of

PAGE = ROOT / "docs/testing.md"


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.file)
def test_the_line_is_there_once_and_so_is_the_test(edit: Edit) -> None:
    assert (ROOT / edit.file).read_text(encoding="utf-8").count(edit.before) == 1
    path, _, name = edit.test.partition("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.file)
def test_the_page_shows_it(edit: Edit) -> None:
    path, _, name = edit.test.partition("::")
    assert f"| {edit.harm} | `{edit.file}` | `{name}` in {path} |" in PAGE.read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.file)
def test_the_edit_is_noticed(edit: Edit, tmp_path: Path) -> None:
    for path in files():
        place = tmp_path / name_of(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
        place.chmod(path.stat().st_mode)
    assert _passes(edit.test, tmp_path), "the test passes as long as nothing is edited"
    edited = tmp_path / edit.file
    edited.write_text(edited.read_text(encoding="utf-8").replace(edit.before, edit.after), encoding="utf-8")
    assert not _passes(edit.test, tmp_path)


def _passes(test: str, folder: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", test]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False).returncode == 0
