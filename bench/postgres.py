"""A PostgreSQL server for one measurement: on a free port of 127.0.0.1, in a temporary folder, with the settings it has by default.

Debian's package is enough; its own server need not run. PostgreSQL refuses to run as root. Started by root, it therefore runs as
``postgres``, or as ``nobody`` if this machine has no such user.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

INSTALLED = Path("/usr/lib/postgresql")
PATIENCE_S = 30.0
USERS = ("postgres", "nobody")


class PostgresFailed(RuntimeError):
    """PostgreSQL is installed, but did not start. The message is its own."""


def programs(installed: Path = INSTALLED) -> Path | None:
    """The folder with the newest version's programs; None if PostgreSQL is not installed."""
    versions = {int(each.parent.parent.name): each.parent for each in installed.glob("*/bin/initdb") if _is_number(each)}
    return versions[max(versions)] if versions else None


def _is_number(initdb: Path) -> bool:
    return re.fullmatch(r"\d+", initdb.parent.parent.name) is not None and (initdb.parent / "postgres").exists()


def version(bin: Path) -> str:
    """The version of the server, such as ``15.14``."""
    said = subprocess.run([bin / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"\d[\w.]*", said)
    return found[0] if found else said.strip()


@contextmanager
def server(bin: Path, patience_s: float = PATIENCE_S) -> Iterator[str]:
    """Run a server and yield the address of its database ``bench``, with a password that is made for it. At the end, also after
    an error or Ctrl-C, the server has stopped and its folder is deleted. Raises PostgresFailed.
    """
    folder = Path(tempfile.mkdtemp(prefix="replank-postgres-"))
    running: subprocess.Popen[bytes] | None = None
    try:
        user = _user(folder)
        password, port = secrets.token_hex(16), _free_port()
        _make_cluster(bin, folder, password, user)
        with (folder / "log").open("wb") as log:
            command = [str(bin / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-p", str(port)]
            command += ["-c", "listen_addresses=127.0.0.1"]
            running = subprocess.Popen(command, stdout=log, stderr=log, **user)
        _wait_until_ready(bin, port, running, folder / "log", patience_s)
        yield f"postgresql://bench:{password}@127.0.0.1:{port}/bench"
    finally:
        if running is not None:
            _stop(running)
        shutil.rmtree(folder, ignore_errors=True)


def _user(folder: Path) -> dict[str, Any]:
    """The arguments for subprocess that make a child run as an ordinary user, to whom the folder is given."""
    if os.geteuid() != 0:
        return {"cwd": folder}
    known = {each.pw_name: each for each in pwd.getpwall()}
    chosen = next((known[name] for name in USERS if name in known), None)
    if chosen is None:
        raise PostgresFailed("PostgreSQL does not run as root, and this machine has neither of the users postgres and nobody.")
    os.chown(folder, chosen.pw_uid, chosen.pw_gid)
    return {"user": chosen.pw_uid, "group": chosen.pw_gid, "extra_groups": [], "cwd": folder}


def _make_cluster(bin: Path, folder: Path, password: str, user: dict[str, Any]) -> None:
    secret = folder / "password"
    secret.write_text(password, encoding="utf-8")
    if "user" in user:
        os.chown(secret, user["user"], user["group"])
    command = [str(bin / "initdb"), "-D", str(folder / "data"), "--username", "bench", "--pwfile", str(secret)]
    command += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]
    done = subprocess.run(command, capture_output=True, text=True, **user)
    if done.returncode:
        raise PostgresFailed(f"initdb: {done.stderr.strip()}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_until_ready(bin: Path, port: int, running: subprocess.Popen[bytes], log: Path, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    ask = [str(bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(ask, check=False).returncode:
        if running.poll() is not None or time.monotonic() > until:
            raise PostgresFailed(f"postgres did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        time.sleep(0.05)


def _stop(running: subprocess.Popen[bytes]) -> None:
    """Stop the server at once. It ends its children itself, unless it has to be killed."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if running.poll() is None:
            running.send_signal(number)
            try:
                running.wait(PATIENCE_S / 3)
            except subprocess.TimeoutExpired:
                continue
        return
