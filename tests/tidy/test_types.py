"""Types are checked in every room, the tests' too, and by each commit as by ``make lint``."""

from __future__ import annotations

import re

from tests.support.repository import ROOT, files, name_of

UNCHECKED = frozenset({"launcher"})
"""Two modules that import the command under the name that only an installed package has."""


def packages() -> set[str]:
    """What the configuration of mypy names."""
    of_mypy = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.mypy]\n")[2]
    found = re.search(r"^packages = \[(.*)\]$", of_mypy, re.MULTILINE)
    assert found is not None
    return set(re.findall(r'"([^"]+)"', found[1]))


def test_types_are_checked_in_every_room() -> None:
    assert packages() == {name_of(path).partition("/")[0] for path in files() if path.suffix == ".py"} - UNCHECKED


def test_a_commit_is_checked_as_lint_checks() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    lint = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    assert "-m mypy\n" in lint
    assert re.search(r"entry: \S+ -m mypy\n *language: system\n *pass_filenames: false\n", hooks)
