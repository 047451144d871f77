"""The bench's PostgreSQL leaves neither a process nor a folder behind. The programs here only pretend to be PostgreSQL's."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import postgres

SERVER = """#!/bin/sh
[ "$1" = --version ] && echo "postgres (PostgreSQL) 15.14 (Debian 15.14-0)" && exit
echo $$ >"$2/pid"
exec sleep 600
"""
INITDB = '#!/bin/sh\nmkdir "$2"\n[ "$(cat "$6")" ]\n'
# Ready as soon as the server has told its process id, which is in the only folder that the test makes.
READY = '#!/bin/sh\ncat "$TMPDIR"/replank-postgres-*/data/pid >/dev/null 2>&1\n'


def installation(folder: Path, version: str = "15", **programs: str) -> Path:
    bin = folder / version / "bin"
    bin.mkdir(parents=True)
    for name, text in {"initdb": INITDB, "postgres": SERVER, "pg_isready": READY, **programs}.items():
        (bin / name).write_text(text, encoding="utf-8")
        (bin / name).chmod(0o755)
    return bin


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the server's folder is made. The server runs as the user of the test."""
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    monkeypatch.setenv("TMPDIR", str(made))
    monkeypatch.setattr(postgres, "_user", lambda folder: {"cwd": folder})
    return made


@pytest.fixture(autouse=True)
def signals_arrive() -> Iterator[None]:
    """Let SIGINT and SIGQUIT end the pretended server. A shell lets its background processes ignore both, and so it is in `make
    test`. PostgreSQL has handlers of its own; the pretended server would wait twenty seconds for SIGKILL.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT)}
    for number in before:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def process_of(place: Path) -> int:
    (found,) = place.glob("replank-postgres-*/data/pid")
    return int(found.read_text(encoding="utf-8"))


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def test_without_postgresql_there_are_no_programs(tmp_path: Path) -> None:
    assert postgres.programs(tmp_path) is None


def test_the_newest_version_is_used(tmp_path: Path) -> None:
    installation(tmp_path, "9")
    newest = installation(tmp_path, "15")
    assert postgres.programs(tmp_path) == newest
    assert postgres.version(newest) == "15.14"


@pytest.mark.parametrize("end", [None, RuntimeError, KeyboardInterrupt, SystemExit])
def test_the_server_ends_and_its_folder_is_deleted(end: type[BaseException] | None, tmp_path: Path, place: Path) -> None:
    process = 0
    try:
        with postgres.server(installation(tmp_path)) as url:
            process = process_of(place)
            assert url.startswith("postgresql://bench:")
            assert not is_gone(process)
            if end:
                raise end
    except (RuntimeError, KeyboardInterrupt, SystemExit):
        pass
    assert is_gone(process)
    assert list(place.iterdir()) == []


def test_a_server_that_ends_at_once_is_reported_with_its_own_words(tmp_path: Path, place: Path) -> None:
    bin = installation(tmp_path, postgres="#!/bin/sh\necho no shared memory\n", pg_isready="#!/bin/sh\nexit 2\n")
    with pytest.raises(postgres.PostgresFailed, match="no shared memory"), postgres.server(bin):
        pass
    assert list(place.iterdir()) == []


def test_a_folder_that_cannot_be_initialized_is_deleted(tmp_path: Path, place: Path) -> None:
    bin = installation(tmp_path, initdb="#!/bin/sh\necho wrong locale >&2\nexit 1\n")
    with pytest.raises(postgres.PostgresFailed, match="initdb: wrong locale"), postgres.server(bin):
        pass
    assert list(place.iterdir()) == []


def test_a_server_that_ignores_the_first_signal_is_killed(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "PATIENCE_S", 0.3)
    stubborn = SERVER.replace("exec sleep 600", "trap '' INT QUIT\nwhile :; do sleep 1; done")
    with postgres.server(installation(tmp_path, postgres=stubborn)):
        process = process_of(place)
        os.kill(process, signal.SIGINT)
        assert not is_gone(process)
    assert is_gone(process)
