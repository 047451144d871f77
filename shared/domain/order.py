"""The order in which the instances of a batch move: by name, or by the value of a tag. All functions in this module are pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared.domain.policy import BY_TAG

LAST = "\U0010ffff"
"""A string that sorts after every possible value of a tag."""


def instance_sort_key(order: str, name: str, instance_id: str, tags: Mapping[str, str]) -> list[str]:
    """The key by which the given order sorts an instance. Numbers are sorted by size, and instances without the tag come last."""
    by_name = [_text_with_padded_numbers(name), instance_id]
    if not order.startswith(BY_TAG):
        return by_name
    value = tags.get(order.removeprefix(BY_TAG))
    return [LAST if value is None else _text_with_padded_numbers(value), *by_name]


def _text_with_padded_numbers(text: str) -> str:
    """The text with leading zeros before each number, so that ``web-9`` sorts before ``web-10``."""
    return re.sub(r"[0-9]+", lambda found: found[0].lstrip("0").rjust(20, "0"), text)
