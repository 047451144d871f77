"""The help of every command, and the first messages that users see: at 80 columns, on a pipe, in a Chinese locale."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli import main, sdk_account
from cli.problem import NEGATIVE
from tests.support.shifted_date import first_in_path

ROOT = Path(__file__).resolve().parents[3]
CLOSED = "http://127.0.0.1:9"
"""No server listens on this port."""
ACCOUNT = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI-for-a-test",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "a secret for a test",
    "REPLANK_ACCOUNT_ID": "1234567890123456",
    "REPLANK_REGION": "cn-hangzhou",
    "REPLANK_TABLESTORE_INSTANCE": "replank",
    "REPLANK_API_URL": CLOSED,
    **{f"REPLANK_{service}_ENDPOINT": CLOSED for service in ("EVENTBRIDGE", "TABLESTORE", "ECS", "SMC", "FC")},
}


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*path, name))


def every_command() -> list[tuple[str, ...]]:
    main._add_commands_once()
    return list(commands(get_command(main.app)))


@pytest.mark.parametrize("path", every_command(), ids=lambda path: " ".join(path) or "replank")
def test_the_help_of_a_command_fits_eighty_columns(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main.run([*path, "--help"]) == 0
    told = capsys.readouterr()
    assert "Usage: replank" in told.out
    assert "\x1b" not in told.out + told.err
    assert [line for line in told.out.splitlines() if len(line) > 80] == []


def replank(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a separate process, on a pipe, in a Chinese locale."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REPLANK_", "ALIBABA_CLOUD_"))}
    environment = {**kept, "LC_ALL": "zh_CN.UTF-8", "COLUMNS": "80", "PYTHONPATH": first_in_path(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "cli", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["status"], 2, "Setting.Missing"),
        (["nonsense"], 2, "No such command"),
        (["catalog", "route", "CentOS 7.9", "--on", "2026-11-23"], 0, "Alibaba Cloud Linux 3"),
        (["catalog", "route", "银河麒麟"], 2, "Catalog."),
        (["catalog", "releases"], 0, "CentOS"),
    ],
)
def test_the_first_messages_are_plain_text_on_a_pipe(arguments: list[str], status: int, words: str) -> None:
    done = replank(*arguments)
    told = done.stdout + done.stderr
    assert (done.returncode, words in told) == (status, True), told
    assert "\x1b" not in told
    assert "Traceback" not in told


@pytest.mark.parametrize("command", ["bootstrap", "doctor"])
def test_a_service_that_does_not_answer_is_one_sentence(command: str) -> None:
    done = replank(command, **ACCOUNT)
    told = done.stdout + done.stderr
    assert done.returncode == NEGATIVE
    assert ".Unreachable: 127.0.0.1:9 does not answer: connection refused." in told
    assert [
        word for word in ("Traceback", "RetryError", "HTTPConnectionPool", "Errno 111] Connection refused')") if word in told
    ] == []


def test_the_code_of_a_check_has_no_blank() -> None:
    silent = OSError("HTTPSConnectionPool(host='ecs.example', port=443): Read timed out. (read timeout=5)")
    found = sdk_account.problem_from_error(silent, "event bus")
    assert (found.code, found.message) == ("EventBus.Unreachable", "ecs.example:443 does not answer: read timed out.")
    assert sdk_account.problem_from_error(RuntimeError("Quota: full"), "event bus").code == "EventBus.RuntimeError"
