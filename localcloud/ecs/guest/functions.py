"""The commands of a Linux guest as functions of its shell, where the same file on PATH is a fork and a new program each time.

The functions are made of the files, so both print the same. Those that only read tables run in the script's own shell, with
names and options of their own; the others in a fork of it. A script that could tell them from the files (it asks where a command
is, sets PATH, reads other scripts in, makes names read-only, has a function in the place of a command they use) gets none and
finds the files on PATH, as every other program does.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import lru_cache
from pathlib import Path

_WITHIN = ("df", "hostname", "ip", "ss", "systemctl", "uname")
"""The commands that need no process of their own."""
_CLEAN = "{ %sset +aefuvxC; } 2>/dev/null; unset IFS"
"""A new program has not the options and separators of the shell that starts it; nor shall these."""
_NAME = re.compile(r"[A-Za-z_]\w*")
_SET = re.compile(r"(?:^|[\s;(|&])(?:([a-z]\w*)=|for ([a-z]\w*) in|read -r ([\w ]+))", re.MULTILINE)
_TELLING = re.compile(
    r"\bPATH\+?=|\b(?:unset|read)\b.*\bPATH\b|\.guest/bin|\b(?:readonly|declare|typeset|shopt|enable)\b"
    r"|\bcommand\s+-(?!v\s+[\w.-]+\s*>\s*/dev/null)"
    r"|(?:^|[;&|({!`]|\b(?:if|then|else|elif|do|while|until)\b)[ \t]*(?:type|hash|\.|source)\s"
    r"|\b(?:awk|echo|grep|local|mv|printf|read|set|unset|df_row|systemctl_\w+)[ \t]*\(|\bfunction[ \t]+(?:awk|echo|printf|read)\b",
    re.MULTILINE,
)
_TRIAL = "f() { local - x; set -e; x=1; }; x=0; f; case $-$x in *e* | *1) exit 1 ;; esac"


def defined(name: str, body: str) -> str:
    """The function that does what the file ``name`` with this text does; empty where a function cannot be called so."""
    if not _NAME.fullmatch(name):
        return ""
    if name not in _WITHIN or not scoped():
        return f"{name}() (\n{_CLEAN % ''}\n{body}\n)\n"
    own = sorted({word for found in _SET.findall(body) for word in " ".join(found).split()})
    local = f"local - IFS {' '.join(own)}; "
    return f"{name}() {{\n{_CLEAN % local}\n{re.sub(r'(?<=[ ;])exit(?= )', 'return', body)}\n}}\n"


@lru_cache(maxsize=1)
def scoped() -> bool:
    """Whether this machine's shell lets a function have names and options of its own."""
    try:
        return subprocess.run(["sh", "-c", _TRIAL], capture_output=True, check=False).returncode == 0
    except OSError:  # no shell at all: each script will say so
        return False


def prepared(script: str, functions: Path) -> str:
    """The script that reads in the file ``functions`` first; the numbers of its lines stay."""
    return script if _TELLING.search(script) else f". {shlex.quote(str(functions))}; {script}"
