"""Messages as an operator sees them: on a terminal, on a pipe, as JSON, and without colours."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from cli import output
from cli.client import ApiClient
from cli.main import run
from shared.domain.errors import Refused
from shared.runtime.requests import INSTANCE_ID, REGION_ID
from shared.runtime.schema import check_value


@pytest.mark.parametrize("line", ["status --nonsense", "show", "nonsense", "watch b1 --every x"])
def test_a_mistake_in_the_command_line_is_json_if_json_was_asked_for(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*line.split(), "--json"]) == 2
    told = json.loads(capsys.readouterr().err)
    assert told["Code"] == "Usage.Invalid"
    assert told["Recommend"].startswith("See replank")


def test_a_table_says_yes_and_no(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("a", "b", "c"), [(True, False, None)])
    assert capsys.readouterr().out.split("\n")[1].split() == ["yes", "no"]


class Terminal(io.StringIO):
    """A terminal with 80 columns and colours."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("plainly", [True, False])
def test_no_color_takes_every_attribute_away(plainly: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    if plainly:
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)
    output.print_table(("a", "state"), [("x", "failed")])
    assert ("\x1b[" not in terminal.getvalue()) == plainly


def test_a_table_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    output.print_table(("name", "note"), [("x", "a sentence that is long " * 6)])
    assert max(map(len, terminal.getvalue().splitlines())) <= 80


@pytest.mark.parametrize(("schema", "words"), [(INSTANCE_ID, "an instance id"), (REGION_ID, "a region id, such as cn-hangzhou")])
def test_no_expression_is_shown_to_people(schema: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as raised:
        check_value("bad id", schema, "field")
    assert words in raised.value.message
    assert "^" not in raised.value.message


def test_ctrl_c_while_following_says_that_the_batch_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        def get(self, path: str) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setattr(ApiClient, "from_environment", classmethod(lambda cls: Interrupted()))
    assert run(["watch", "b1"]) == 130
    assert "the batch goes on. Follow it again: replank watch b1" in capsys.readouterr().err


def test_a_missing_file_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["assess", "--facts", "/nonexistent"]) == 2
    assert capsys.readouterr().err.startswith("File.Unreadable: /nonexistent: No such file or directory.\n")


def test_a_version_is_not_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "route", "Ubuntu 18.04"]) == 2
    assert capsys.readouterr().err.count("18.04") == 1
