"""The commands of a Linux guest as functions of its shell; the same file on PATH is a new process and a new program each time.

The functions are made of the files, so both print the same; each runs in a fork of the script's shell. A script that could tell
them from the files (it asks where a command is, sets PATH, reads other scripts in, makes names read-only, has a function in the
place of a command they use) gets none and finds the files on PATH, as every other program does.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

_CLEAN = "{ set +aefuvxC; } 2>/dev/null; unset IFS"
"""A new program has not the options and separators of the shell that starts it; nor shall these."""
_NAME = re.compile(r"[A-Za-z_]\w*")
_TELLING = re.compile(
    r"\bPATH\+?=|\b(?:unset|read)\b.*\bPATH\b|\.guest/bin|\b(?:readonly|declare|typeset|shopt|enable)\b"
    r"|\bcommand\s+-(?!v\s+[\w.-]+\s*>\s*/dev/null)"
    r"|(?:^|[;&|({!`]|\b(?:if|then|else|elif|do|while|until)\b)[ \t]*(?:type|hash|\.|source)\s"
    r"|\b(?:awk|echo|grep|mv|printf|read|set|unset|df_row|systemctl_\w+)[ \t]*\(|\bfunction[ \t]+(?:awk|echo|printf|read)\b",
    re.MULTILINE,
)


def defined(name: str, body: str) -> str:
    """The function that does what the file ``name`` with this text does; empty where a function cannot be called so."""
    return f"{name}() (\n{_CLEAN}\n{body}\n)\n" if _NAME.fullmatch(name) else ""


def prepared(script: str, functions: Path) -> str:
    """The script that reads in the file ``functions`` first; the numbers of its lines stay."""
    return script if _TELLING.search(script) else f". {shlex.quote(str(functions))}; {script}"
