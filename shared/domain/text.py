"""Makes text from outside safe, such as names, guest output and service errors. Text from outside must not control a terminal, a
log or a page.
"""

from __future__ import annotations

import re

_ACTING = re.compile(
    "["
    "\x00-\x1f\x7f"  # C0 and DEL: escape sequences begin here
    "\x80-\x9f"  # C1: one-character escape sequences
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # these change the writing direction of the text that follows
    "\u2028\u2029"  # some programs treat these as line ends, others do not
    "\ud800-\udfff"  # half of a surrogate pair, which cannot be encoded
    "\ufff9-\ufffb\ufeff"  # annotations and byte order marks, which are invisible
    "\U000e0000-\U000e007f"  # tags, which are invisible too
    "]"
)
SHOWN_INSTEAD = "\ufffd"


def plain_line(text: str) -> str:
    """The text as one line that is safe to show on a terminal.

    Control characters are replaced, and tabs and line ends become spaces.
    """
    return _ACTING.sub(SHOWN_INSTEAD, text.translate(_BLANK))


def plain_lines(text: str) -> str:
    """The text as lines that are safe to show on a terminal. Control characters are replaced, and line ends are kept."""
    return "\n".join(map(plain_line, text.split("\n")))


_SECRETS = (
    re.compile(
        r"(?i)((?:pass(?:word|wd|phrase)?|pwd|secret|token|authorization|credentials?"
        r"|(?:api|access|private)[_ -]?key(?:[_ -]?id)?)"
        r"[\"']?\s*[=:]\s*[\"']?)(?:(?:bearer|basic)\s+)?[^\s\"'&,}]+"
    ),
    re.compile(r"(?i)((?:^|\s)(?:--?(?:password|token|secret)|bearer|basic)\s+)\S+"),
    re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"),
    re.compile(r"()\b(?:LTAI|STS\.)[A-Za-z0-9.]{8,}"),
)
"""Patterns of secrets in the output of programs: named values, options, passwords in URLs, and access key ids."""


def text_without_secrets(text: str) -> str:
    """The output of a program with ``***`` in place of everything that looks like a secret."""
    for form in _SECRETS:
        text = form.sub(r"\1***", text)
    return text


def spreadsheet_cell(value: object) -> str:
    """A value as a CSV cell. An apostrophe is put before a value that begins like a formula, so that no spreadsheet runs the
    formula.
    """
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def escaped_html(text: str) -> str:
    """Text escaped for an HTML page or for an attribute in the page."""
    from html import escape  # brings the table of all entities, and few functions write a page

    return escape(plain_line(text))


def escaped_json(json_text: str) -> str:
    """The JSON text in which every control character inside a string is replaced by an escape sequence."""
    return _ACTING.sub(_escaped_character, json_text)


def _escaped_character(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] in "\n\t":
        return found[0]  # white space between the values of a JSON document
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


_BLANK = str.maketrans("\t\n\r", "   ")
