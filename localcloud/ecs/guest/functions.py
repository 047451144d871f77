"""The commands of a Linux guest as functions of its shell. This is faster: a file on PATH needs a new process and a new program for
each call.

The functions are made from the files, so both print the same. Each function runs in a fork of the script's shell. A script that
might notice the difference gets no functions, and finds the files on PATH as every other program does. A script might notice it if
the script asks where a command is, sets PATH, sources another script, makes names read-only, or redefines a command that the
functions use.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

_CLEAN = "{ set +aefuvxC; } 2>/dev/null; unset IFS"
"""Resets the shell's options and IFS. A new process would not inherit them, so a function must not see them either."""
_NAME = re.compile(r"[A-Za-z_]\w*")
_TELLING = re.compile(
    r"\bPATH\+?=|\b(?:unset|read)\b.*\bPATH\b|\.guest/bin|\b(?:readonly|declare|typeset|shopt|enable)\b"
    r"|\bcommand\s+-(?!v\s+[\w.-]+\s*>\s*/dev/null)"
    r"|(?:^|[;&|({!`]|\b(?:if|then|else|elif|do|while|until)\b)[ \t]*(?:type|hash|\.|source)\s"
    r"|\b(?:awk|echo|grep|mv|printf|read|set|unset|df_row|systemctl_\w+)[ \t]*\(|\bfunction[ \t]+(?:awk|echo|printf|read)\b",
    re.MULTILINE,
)


def defined(name: str, body: str) -> str:
    """The function that does the same as the file ``name`` with this text. Empty if a function cannot do that."""
    return f"{name}() (\n{_CLEAN}\n{body}\n)\n" if _NAME.fullmatch(name) else ""


def prepared(script: str, functions: Path) -> str:
    """The script, preceded by the command that reads the file ``functions``. Line numbers do not change."""
    return script if _TELLING.search(script) else f". {shlex.quote(str(functions))}; {script}"
