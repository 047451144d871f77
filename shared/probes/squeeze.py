"""Makes the probe short enough for one command: what only people need goes, and the names in its awk program become short."""

from __future__ import annotations

import re
from collections import Counter
from itertools import count

AWK = "| awk '\n"
"""Begins the awk program in the shell script; it ends with the script."""
_LITERAL = re.compile(r'("(?:[^"\\\n]|\\.)*"|/(?:[^/\\\n]|\\.)+/)')
"""A string or a regular expression. The program must not divide, so that a slash always begins an expression."""
_HEADED = re.compile(r"(?<=\(\) )\{ # .*")
"""The head of a shell function with a comment behind it."""
_BLANKS = re.compile(r" *(==|!=|[-<>+&|]=|\|\||&&|[-=<>~{}?:;,+!&|()]) *")
_COMMENT = re.compile(r" *#.*")
_NAME = re.compile(r"(?<!\w)[A-Za-z_]\w*")
_LANGUAGE = frozenset(
    {
        "BEGIN",
        "END",
        "ENVIRON",
        "NF",
        "NR",
        "RSTART",
        "RLENGTH",
        "close",
        "delete",
        "else",
        "for",
        "function",
        "getline",
        "gsub",
        "if",
    }
    | {"in", "index", "length", "match", "next", "print", "return", "split", "sub", "substr", "tolower", "while"}
)
"""Words of awk that the program uses; no other name of awk's may be used in it."""


def squeezed(script: str) -> str:
    """The script with comments, blanks and long names of its awk program taken out; other scripts stay as they are."""
    shell, begin, awk = script.partition(AWK)
    if not begin:
        return script
    shell = _HEADED.sub("{", shell)
    parts = _LITERAL.split(awk)
    parts[::2] = [_BLANKS.sub(r"\1", _COMMENT.sub("", part)) for part in parts[::2]]
    for at in range(1, len(parts), 2):
        if parts[at][0] == '"':
            parts[at - 1], parts[at + 1] = parts[at - 1].rstrip(" "), parts[at + 1].lstrip(" ")
    short = _short(parts[::2])
    parts[::2] = [_NAME.sub(lambda found: short.get(found[0], found[0]), part) for part in parts[::2]]
    return shell + begin + "".join(parts)


def _short(parts: list[str]) -> dict[str, str]:
    """A short name for each long one, the most frequent first."""
    used = Counter(name for part in parts for name in _NAME.findall(part) if name not in _LANGUAGE)
    fresh = (f"{letter}{number or ''}" for number in count() for letter in "abcdefghijklmnopqrstuvwxyzABCDEGHIJKLMNOPQRTUVWXYZ")
    return {name: next(fresh) for name, _ in used.most_common()}
