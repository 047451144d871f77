"""A run deletes only its own state folder, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.problem import Problem
from cli.run.command import REPORT
from cli.run.folder import MARK, open_run_folder
from cli.run.results import RunResults, write_report

NOTHING = RunResults([], [])


def refused(state: Path, plan: str = "p1", seed: int | None = None) -> str:
    with pytest.raises(Problem) as raised:
        open_run_folder(state, plan, seed)
    return raised.value.code


def test_a_run_without_a_folder_makes_one_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    theirs = tmp_path / "run" / "state" / "precious"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    first, second = open_run_folder(None, "p1", None), open_run_folder(None, "p1", 7)
    assert first.path != second.path
    assert (first.seed, second.seed) == (1, 7)
    first.remove_if_temporary()
    assert not first.path.exists()
    assert second.path.exists()
    assert theirs.read_text() == "mine"


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    assert refused(tmp_path) == "State.NotOurs"
    assert [each.name for each in tmp_path.iterdir()] == ["precious"]
    (tmp_path / MARK).write_text("no mark")
    assert refused(tmp_path) == "State.NotOurs"


def test_a_run_is_continued_with_its_own_plan_and_seed_only(tmp_path: Path) -> None:
    state = tmp_path / "state"
    made = open_run_folder(state, "p1", 7)
    assert made.original_disks is None, "interrupted before the cloud was prepared"
    made.update_mark(disks={"i-1": {}})
    again = open_run_folder(state, "p1", None)
    assert (again.seed, again.original_disks) == (7, {"i-1": {}})
    assert refused(state, "p2") == "State.OtherRun"
    assert refused(state, seed=8) == "State.OtherRun"
    again.remove_if_temporary()
    assert state.exists(), "a folder that was given stays"


def test_a_mark_of_an_older_version_is_read(tmp_path: Path) -> None:
    (tmp_path / MARK).write_text(json.dumps({"plan": "p1", "disks": {"i-1": {}}}))
    found = open_run_folder(tmp_path, "p1", None)
    assert (found.seed, found.original_disks) == (1, {"i-1": {}})


def test_two_runs_at_once_have_a_report_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = open_run_folder(None, "p1", None), open_run_folder(None, "p1", None)
    assert first.report_file != second.report_file
    for folder, seed in ((first, 1), (second, 2)):
        write_report(NOTHING, (folder.report_file, REPORT), {"seed": seed})
        folder.remove_if_temporary()
    assert [json.loads(each.read_text())["seed"] for each in (first.report_file, second.report_file, REPORT)] == [1, 2, 2]
    given = open_run_folder(tmp_path / "state", "p1", None)
    assert given.report_file == tmp_path / "state" / "report.json"


def test_a_report_is_whole_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.json"
    write_report(NOTHING, (file,), {"seed": 1})

    def full(*_: object) -> None:
        raise OSError("no space left on the disk")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        write_report(NOTHING, (file,), {"seed": 2})
    assert json.loads(file.read_text())["seed"] == 1
    assert list(tmp_path.iterdir()) == [file], "nothing half written stays"
