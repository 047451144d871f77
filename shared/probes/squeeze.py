"""Shortens a probe script, so that the script fits into one command.

Comments and unnecessary spaces are removed, and names are shortened.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import count

AWK = "| awk '\n"
"""The text at which the shell part of a probe script ends and the awk program begins. The awk program continues to the end of the
script.
"""
_LITERAL = re.compile(r'("(?:[^"\\\n]|\\.)*"|/(?:[^/\\\n]|\\.)+/)')
"""Matches a string or a regular expression in awk.

The awk program must not use division, because every slash outside a string is read as part of a regular expression.
"""
_HEADED = re.compile(r"(?<=\(\) )\{ # .*")
"""Matches the opening brace of a shell function if a comment follows the brace."""
_BLANKS = re.compile(r" *(==|!=|[-<>+&|]=|\|\||&&|[-=<>~{}?:;,+!&|()]) *")
_COMMENT = re.compile(r" *#.*")
_QUOTED = re.compile(r"(\\.|'[^']*'|\"(?:\\.|[^\"\\])*\")", re.DOTALL)
"""Matches quoted text in a shell script, or a backslash with the character after it."""
_SEPARATOR = re.compile(r" *(;;|&&|\|\||[;|]) *")
_FUNCTION = re.compile(r"^([a-z_]+)\(\)", re.MULTILINE)
_KEYWORD = r"(?:then|do|if|elif|else)\b"
_COMMAND = re.compile(rf"(^|[;|&(){{!] *|\b{_KEYWORD} )(?!{_KEYWORD})([a-z_]+)(?=[ ;)|]|\(\)|$)", re.MULTILINE)
"""Matches the first word of a shell command."""
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
"""Keywords, functions and variables of awk that the awk program uses. The program must use no other built-in names of awk,
because every other name is shortened.
"""


def shortened_script(script: str) -> str:
    """The script with short names, and without comments and unnecessary spaces. A script without an awk program stays unchanged."""
    shell, begin, awk = script.partition(AWK)
    if not begin:
        return script
    return _shortened_shell_part(_HEADED.sub("{", shell)) + begin + _shortened_awk_part(awk)


def _shortened_shell_part(text: str) -> str:
    """The shell part of a script, shortened.

    The script's functions get one-letter names. No command that a probe runs has a one-letter name.
    """
    letters = iter("ABCDEFGHIJKLMNOPQSUVWXYZabcdefghijklmnopqrstuvwxyz")
    short = {name: next(letters) for name in _FUNCTION.findall(text)}
    parts = _QUOTED.split(text)
    for at in range(0, len(parts), 2):
        plain = _SEPARATOR.sub(r"\1", parts[at])
        parts[at] = _COMMAND.sub(lambda found: found[1] + short.get(found[2], found[2]), plain)
    return "".join(parts)


def _shortened_awk_part(text: str) -> str:
    """The awk program of a script, shortened."""
    parts = _LITERAL.split(text)
    parts[::2] = [_BLANKS.sub(r"\1", _COMMENT.sub("", part)) for part in parts[::2]]
    for at in range(1, len(parts), 2):
        if parts[at][0] == '"':
            parts[at - 1], parts[at + 1] = parts[at - 1].rstrip(" "), parts[at + 1].lstrip(" ")
    short = _short_names(parts[::2])
    parts[::2] = [
        _NAME.sub(lambda found: short.get(found[0], found[0]), part) for part in _parts_without_extra_line_breaks(parts[::2])
    ]
    return "".join(parts)


def _parts_without_extra_line_breaks(parts: list[str]) -> list[str]:
    """The parts of the awk program without unnecessary line breaks. A line break is unnecessary after a backslash, and beside a
    brace inside a block.
    """
    depth, joined = 0, []
    for part in (each.replace("\\\n", "") for each in parts):
        kept = []
        for at, letter in enumerate(part):
            depth += {"{": 1, "}": -1}.get(letter, 0)
            if letter == "\n" and depth and (part[at - 1 : at] in ("{", "}") or part[at + 1 : at + 2] == "}"):
                continue
            kept.append(letter)
        joined.append("".join(kept))
    return joined


def _short_names(parts: list[str]) -> dict[str, str]:
    """Maps each name in the awk program to a short name. Frequent names get the shortest names."""
    used = Counter(name for part in parts for name in _NAME.findall(part) if name not in _LANGUAGE)
    fresh = (f"{letter}{number or ''}" for number in count() for letter in "abcdefghijklmnopqrstuvwxyzABCDEGHIJKLMNOPQRTUVWXYZ")
    return {name: next(fresh) for name, _ in used.most_common()}
