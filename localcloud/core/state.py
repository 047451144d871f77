"""The state file of an account: the checks before it is opened, and the errors if it cannot be used.

The checks use a read-only connection, so a refused file stays unchanged.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path

NAME, TOKEN = "cloud.sqlite", "admin.token"
VERSION = 1
"""The version of the tables, in the file's ``user_version``. A file of a later version is refused. Files older than this field have
0.
"""
_FULL = ("database or disk is full", "disk I/O error", "attempt to write a readonly database", "unable to open database file")
_DAMAGED = ("malformed", "not a database")


class StateUnreadable(Exception):
    """The account cannot be started from its folder. The error has a stable code, a sentence and a remedy."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{code}: {message}\n{remedy}")
        self.code = code


class StateUnwritable(Exception):
    """The state could not be written, so the call changed nothing. The same call may succeed later."""


def check(path: Path) -> None:
    """Raise StateUnreadable unless ``path`` does not exist, or is an intact state file that no other process has open."""
    if not path.exists():
        return
    beside = [path.with_name(path.name + end) for end in ("-shm", "-wal")]
    made = [each for each in beside if not each.exists()]
    try:
        _look_at(path)
    except sqlite3.OperationalError as error:
        raise unusable(path, error) from error
    except (sqlite3.DatabaseError, StateUnreadable) as error:
        # Delete the side files only if no other process uses the state: they may hold its latest acknowledged writes.
        for each in made:
            each.unlink(missing_ok=True)
        raise error if isinstance(error, StateUnreadable) else damaged(path, str(error)) from error


def _look_at(path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    if path.is_dir():
        raise damaged(path, "it is a folder")
    size, logged = path.stat().st_size, log.exists() and log.stat().st_size > 0
    if size == 0:
        if logged:
            raise damaged(path, f"it is empty, and {log.name} is not")
        return
    if not logged and size % 512:
        raise damaged(path, "it ends in the middle of a page")
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.5)) as sql:
        (found,) = sql.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise damaged(path, found.replace("\n", " "))
        tables = {name for (name,) in sql.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        if tables and "meta" not in tables:
            raise damaged(path, "it holds something else")
        (version,) = sql.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise StateUnreadable(
            "State.Newer",
            f"{path} was written by a later localcloud (its tables have version {version}, this one knows {VERSION}).",
            "Start the version that wrote it, or name another folder. The file was not changed.",
        )


def keep_private(path: Path) -> None:
    """Make the file readable for this user only, and create the file if it is missing: it holds the account's secrets."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    with suppress(OSError):  # the file belongs to another user, or the file system has no modes
        path.chmod(0o600)


def keep_token(folder: Path, token: str) -> None:
    """Write the token of the cloud's own endpoint beside the state. Only this user can read the token."""
    path = folder / TOKEN
    path.unlink(missing_ok=True)  # a new file gets the right mode
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(token + "\n")


def damaged(path: Path, why: str) -> StateUnreadable:
    """The error for a file that is not a state file, or is damaged."""
    remedy = "Move the folder away to begin with a new account, or put back a copy. The file was not changed."
    return StateUnreadable("State.Damaged", f"{path} is not a state file of localcloud, or it is damaged: {why}.", remedy)


def unusable(path: Path, error: Exception) -> StateUnreadable:
    """The error for a file or folder that cannot be used now."""
    if any(each in str(error) for each in _DAMAGED):
        return damaged(path, str(error))
    remedy = "Stop the localcloud that uses it, give this user write permission, or free space on its disk; or name another folder."
    return StateUnreadable("State.Unusable", f"{path} is in use or cannot be written: {error}.", remedy)


def unwritable(path: str, error: sqlite3.Error) -> str:
    """The text for a failed write. Empty if the disk did not cause the error."""
    if any(each in str(error) for each in _DAMAGED):
        remedy = "Stop localcloud, move the folder away, or put back a copy"
    elif any(each in str(error) for each in _FULL):
        remedy = "Free space on its disk (or see that it can be written); it goes on by itself"
    else:
        return ""
    return f"State.Unwritable: {path} cannot be written: {error}. Nothing that was answered is lost. {remedy}."


def say(text: str) -> None:
    """Print a line on standard error. Standard error may be a file on the same full disk, so a failure is ignored."""
    with suppress(OSError, ValueError):
        print(f"localcloud: {text}", file=sys.stderr, flush=True)
