"""A state file that cannot be used is refused with a code and a remedy, and is not changed."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.run import plan
from cli.run.folder import MARK
from localcloud.core.db import Db
from localcloud.core.state import NAME, StateUnreadable
from tools.deployed.process import ROOT

PAGES = 200


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An intact state of several pages."""
    folder = tmp_path_factory.mktemp("whole")
    db = Db(folder)
    with db.transaction():
        for number in range(PAGES):
            db.put_blob(f"{number:04d}", bytes([number % 251]) * 3000)
    db.close()
    return (folder / NAME).read_bytes()


def sql(*statements: str) -> Callable[[Path, bytes], None]:
    def change(path: Path, whole: bytes) -> None:
        path.write_bytes(whole)
        with sqlite3.connect(path) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return change


def write(change: Callable[[bytes], bytes]) -> Callable[[Path, bytes], None]:
    def written(path: Path, whole: bytes) -> None:
        path.write_bytes(change(whole))

    return written


def emptied(path: Path, whole: bytes) -> None:
    path.write_bytes(b"")
    path.with_name(f"{NAME}-wal").write_bytes(b"frames that were acknowledged")


def another_programs(path: Path, whole: bytes) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE people (name)")
    connection.close()


WRONG = {
    "no database": (write(lambda whole: b"this is no database at all" * 200), "State.Damaged"),
    "random bytes": (write(lambda whole: hashlib.shake_128(b"seed").digest(50_000)), "State.Damaged"),
    "a truncated file": (write(lambda whole: whole[: len(whole) // 2]), "State.Damaged"),
    "a truncated page": (write(lambda whole: whole[:-100]), "State.Damaged"),
    "a damaged header": (write(lambda whole: b"x" * 100 + whole[100:]), "State.Damaged"),
    "an empty file beside its log": (emptied, "State.Damaged"),
    "another program's file": (another_programs, "State.Damaged"),
    "a folder": (lambda path, whole: path.mkdir(), "State.Damaged"),
    "a later version": (sql("PRAGMA user_version=2"), "State.Newer"),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: b"" if path.is_dir() else path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("spoil", "code"), WRONG.values(), ids=WRONG)
def test_what_is_no_state_of_ours_is_refused(tmp_path: Path, whole: bytes, spoil: Callable[[Path, bytes], None], code: str) -> None:
    spoil(tmp_path / NAME, whole)
    before = contents(tmp_path)
    with pytest.raises(StateUnreadable) as caught:
        Db(tmp_path)
    assert caught.value.code == code
    sentence, remedy = str(caught.value).split("\n")
    assert sentence.startswith(f"{code}: {tmp_path / NAME}")
    assert "not changed" in remedy
    assert contents(tmp_path) == before


@pytest.mark.parametrize("page", [5, 50, 100, 150])
def test_a_damaged_page_in_the_middle_is_noticed(tmp_path: Path, whole: bytes, page: int) -> None:
    """This covers the pages with rows and keys. SQLite has no checksum of the values themselves."""
    (size,) = {int.from_bytes(whole[16:18], "big")}
    start = size * page
    (tmp_path / NAME).write_bytes(whole[:start] + hashlib.shake_128(bytes([page])).digest(size) + whole[start + size :])
    with pytest.raises(StateUnreadable) as caught:
        Db(tmp_path)
    assert caught.value.code == "State.Damaged"


def test_a_whole_file_is_opened_and_an_older_one_is_marked(tmp_path: Path, whole: bytes) -> None:
    sql("PRAGMA user_version=0")(tmp_path / NAME, whole)
    db = Db(tmp_path)
    assert db.sql.execute("PRAGMA user_version").fetchone() == (1,)
    assert db.blob("0007") == bytes([7]) * 3000
    db.close()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StateUnreadable) as caught:
        Db(tmp_path / "state")
    assert caught.value.code == "State.Unusable"


@pytest.mark.parametrize("folder", ["state", "state/below"])
def test_the_command_says_so_and_ends_with_2(tmp_path: Path, folder: str) -> None:
    (tmp_path / "state").write_text("a file")
    command = [sys.executable, "-m", "localcloud", "--state", str(tmp_path / folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 2
    assert ended.stderr.startswith("localcloud: State.Unusable: ")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("name", ["a truncated file", "random bytes", "a folder", "a later version"])
def test_a_run_is_not_begun_on_it(tmp_path: Path, whole: bytes, name: str) -> None:
    """``replank run`` prints the message of its cloud, for the run's own folder."""
    spoil, code = WRONG[name]
    (tmp_path / MARK).write_text(json.dumps({"plan": plan.sample_plan().digest}), encoding="utf-8")
    spoil(tmp_path / NAME, whole)
    before = contents(tmp_path)
    ended = run_on(tmp_path)
    assert ended.returncode == 2
    assert code in ended.stderr
    assert "not changed" in ended.stderr
    after = contents(tmp_path)
    assert {each: after[each] for each in before} == before


def test_a_run_is_not_begun_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    ended = run_on(tmp_path / "state")
    assert (ended.returncode, "State.Unusable" in ended.stderr, "Traceback" in ended.stderr) == (2, True, False)


def run_on(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", "run", "--state", str(folder), "--report", str(folder.parent / "report.json")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
