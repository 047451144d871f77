"""Builds the scripts that run a command from a batch's policy in a guest (command.sh, command.ps1), and reads the scripts'
answers.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from shared.domain.record import dataclass
from shared.domain.text import plain_line, text_without_secrets

_BEGIN, _END = "replank-command 1", re.compile(r"@end (-?[0-9]{1,10})")
SHOWN = 300
"""Maximum characters of a command's output that are kept.

The end of the output is kept, because programs print errors at the end.
"""


@dataclass(frozen=True)
class CommandAnswer:
    """The result of a command in the guest: its exit status, and the end of its output on one line."""

    status: int
    output: str


def command_script(os_type: str, command: str) -> str:
    """The script that runs one command in a ``linux`` or ``windows`` guest."""
    if os_type == "windows":
        return f"$ReplankRun = {_quoted_literal(command, chr(39) * 2)}\n{_script_text(os_type)}"
    return f"#!/bin/sh\nREPLANK_RUN={_quoted_literal(command, chr(39) + chr(92) + chr(39) * 2)}\n{_script_text(os_type)}"


def _quoted_literal(text: str, quote: str) -> str:
    return "'" + text.replace("'", quote) + "'"


@cache
def _script_text(os_type: str) -> str:
    """The text of command.sh or command.ps1, without comments, indentation and empty lines."""
    name = {"linux": "command.sh", "windows": "command.ps1"}[os_type]
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")) + "\n"


def parse_command_answer(output: bytes) -> CommandAnswer | None:
    """The result of a command, read from the script's answer; None if the answer is incomplete."""
    lines = [plain_line(each) for each in output.decode("utf-8", "replace").replace("\r\n", "\n").lstrip("\ufeff").split("\n")]
    starts = [at for at, line in enumerate(lines) if line == _BEGIN]
    ends = [found for line in lines if (found := _END.fullmatch(line.strip()))]
    if not starts or not ends:
        return None
    said = (line[1:].strip() for line in lines[starts[-1] + 1 :] if line.startswith("|"))
    return CommandAnswer(int(ends[-1][1]), text_without_secrets(" ".join(filter(None, said)))[-SHOWN:])
