"""Every `replank` command that a document shows exists, with the options it is shown with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from cli import main
from tests.support.repository import files, name_of

DOCUMENTS = [path for path in files() if path.suffix == ".md"]
SPAN = re.compile(r"`([^`]+)`")
BLOCK = re.compile(r"^(?: {4,}|\$ )(.+)$", re.MULTILINE)
CALL = re.compile(r"(?:^|\s|/)replank ([^|;&>]+)")


@cache
def command() -> Any:
    """The command line as a tree of commands."""
    main._add_commands_once()
    return typer.main.get_command(main.app)


def shown(text: str) -> Iterator[str]:
    """What follows the word `replank` wherever a document shows code."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for code in (*SPAN.findall(joined), *BLOCK.findall(joined)):
        if f"/{code}".split()[0].endswith("/replank"):
            yield from CALL.findall(" ".join(code.split()))


def wrong(call: str) -> str:
    """What of one call does not exist."""
    at = command()
    known = {"-h", "--help", "--install-completion"} | {option for each in at.params for option in each.opts}
    for word in shlex.split(call, comments=True):
        below = getattr(at, "commands", None)
        if below is not None and not word.startswith("-"):
            if word not in below:
                return f"command {word}"
            at = below[word]
            known |= {option for each in at.params for option in (*each.opts, *each.secondary_opts)}
        elif word.startswith("-") and word.partition("=")[0] not in known:
            return f"option {word}"
    return ""


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_commands_shown_exist(path: Path) -> None:
    found = {call: wrong(call) for call in shown(path.read_text(encoding="utf-8"))}
    assert {call: problem for call, problem in found.items() if problem} == {}


@pytest.mark.parametrize("call", ["submt", "submit --driver console", "events post x", "watch B --json --fast"])
def test_a_call_that_does_not_exist_is_noticed(call: str) -> None:
    assert wrong(call)


def test_calls_are_found_in_spans_and_blocks() -> None:
    text = (
        "Say `replank status BATCH` or\n\n    .venv/bin/replank submit -i a \\\n        --region b   # why\n\nnot replank at all.\n"
    )
    assert [shlex.split(each, comments=True) for each in shown(text)] == [
        ["status", "BATCH"],
        ["submit", "-i", "a", "--region", "b"],
    ]
