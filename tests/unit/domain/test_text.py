"""Text from others: characters with an effect are replaced or escaped; visible characters stay."""

from __future__ import annotations

import json

import pytest

from shared.domain.text import escaped_json, plain_line, plain_lines

ACTING = [
    "\x1b",
    "\x00",
    "\x07",
    "\x7f",
    "\x85",
    "\x9b",
    "\u202e",
    "\u2066",
    "\u200f",
    "\u061c",
    "\u2028",
    "\ufeff",
    "\ud800",
    "\U000e0041",
]


@pytest.mark.parametrize("character", ACTING, ids=ascii)
def test_what_acts_is_replaced_or_escaped(character: str) -> None:
    assert plain_line(f"a{character}b") == "a\ufffdb"
    text = json.dumps({character: [character]}, ensure_ascii=False, indent=1)
    assert character not in escaped_json(text)
    assert json.loads(escaped_json(text)) == json.loads(text)


@pytest.mark.parametrize("text", ["管理员", "naïve", "a\u200db", "😀", "`x` $(y)", ""])
def test_what_is_only_seen_stays(text: str) -> None:
    assert plain_line(text) == plain_lines(text) == escaped_json(text) == text


def test_lines_stay_where_lines_may_be() -> None:
    assert plain_line("a\tb\r\nc") == "a b  c"
    assert plain_lines("a\nb\x1bc") == "a\nb\ufffdc"
