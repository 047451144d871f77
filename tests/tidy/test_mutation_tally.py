"""A run of `make mutation` that was ended goes on, and counts no outcome of another draw."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.mutation_tally import CodeChange, MutationTally

DRAWN: dict[str, object] = {"room": "shared/domain", "seed": 7, "commit": "abc"}
CHANGE, OTHER = CodeChange("shared/domain/a.py", "op", 0), CodeChange("shared/domain/a.py", "op", 1)


def test_a_second_run_knows_the_outcomes_of_the_first(tmp_path: Path) -> None:
    first = MutationTally(tmp_path / "tally", DRAWN)
    first.note(CHANGE, True)
    second = MutationTally(tmp_path / "tally", DRAWN)
    second.note(OTHER, False)
    assert MutationTally(tmp_path / "tally", DRAWN).outcomes == {CHANGE: True, OTHER: False}
    assert second.score() == "1 of 2 changes were noticed."


@pytest.mark.parametrize("name", DRAWN)
def test_the_outcomes_of_another_draw_are_not_counted(tmp_path: Path, name: str) -> None:
    MutationTally(tmp_path / "tally", DRAWN)
    with pytest.raises(SystemExit, match="belongs to another draw"):
        MutationTally(tmp_path / "tally", {**DRAWN, name: "other"})


def test_without_a_file_nothing_is_kept() -> None:
    tally = MutationTally(None, DRAWN)
    tally.note(CHANGE, False)
    assert tally.outcomes == {CHANGE: False}
