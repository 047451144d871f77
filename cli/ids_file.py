"""Reads files that contain comments and one instance id per line. Error messages for a file of ids name the wrong lines."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from cli.files import decoded_text
from cli.problem import Problem, bad_input_problem

_ID = re.compile(r"i-[A-Za-z0-9-]{1,62}")
_SHOWN = 5
"""Maximum number of wrong lines that an error message shows."""


def read_ids(file: str, option: str) -> list[str]:
    """The instance ids in the file, without duplicates. The file name ``-`` means standard input.

    Raises Problem (Ids.NotReadable, Ids.Invalid, Ids.Empty).
    """
    where = "standard input" if file == "-" else file
    text = _read_file_or_stdin(file, where, option)
    found: dict[str, None] = {}
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        word = line.partition("#")[0].strip()
        if word and not _ID.fullmatch(word):
            wrong.append(f"line {number}: {word[:80]!r} is not an instance id")
        elif word:
            found[word] = None
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        remedy = "Write one id per line, such as i-bp1a2b3c. # begins a comment."
        raise bad_input_problem("Ids.Invalid", f"{where}: {'; '.join(wrong[:_SHOWN])}{more}.", remedy)
    if not found:
        raise bad_input_problem("Ids.Empty", f"{where} contains no instance id.", "Write one id per line, such as i-bp1a2b3c.")
    return list(found)


def _read_file_or_stdin(file: str, where: str, option: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return decoded_text(content)
    except OSError as error:
        raise _unreadable_problem(where, error.strerror or str(error), option) from None
    except ValueError:
        raise _unreadable_problem(where, "it is not text", option) from None


def _unreadable_problem(where: str, why: str, option: str) -> Problem:
    return bad_input_problem(
        "Ids.NotReadable", f"{where} cannot be read: {why}.", f"Name a text file with {option}, or - for standard input."
    )
