"""The words of the pages, in both languages: one file of messages per page, and ``common`` for all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).with_name("messages")
LANGUAGES = ("en", "zh")
LOCALES = {"en": "en", "zh": "zh-CN"}
"""The names of the languages in HTTP."""
NAMES = {"en": "English", "zh": "中文"}
WITH = {
    **dict.fromkeys(("submit", "policy"), ("form",)),
    **dict.fromkeys(("policy-review", "batch"), ("form", "in-words")),
    **dict.fromkeys(("plan", "forecast"), ("course",)),
    **dict.fromkeys(("snapshots", "snapshot-groups"), ("groups",)),
}
"""Pages that show the words of other files too."""
Text = Callable[..., str]


@lru_cache(maxsize=64)
def messages(page: str) -> Mapping[str, Mapping[str, str]]:
    """The messages of a page: by key, by language."""
    found: Mapping[str, Mapping[str, str]] = json.loads((FOLDER / f"{page}.json").read_text(encoding="utf-8"))
    return found


def texts(page: str, language: str) -> Text:
    """``text(key, **values)`` for one page; a word that only the API knows (a new state) shows as it is."""
    known = {key: found for name in ("common", *WITH.get(page, ()), page) for key, found in messages(name).items()}

    def text(key: str, **values: object) -> str:
        found = known.get(key, {}).get(language, key.rpartition(".")[2])
        return found.format(**values) if values else found

    return text


def known(text: Text, key: str, otherwise: str) -> str:
    """The message of a key; ``otherwise`` if the key has no message. For such a key, ``text`` returns the key's last part."""
    found = text(key)
    return otherwise if found == key.rpartition(".")[2] else found


def language_of(chosen: str, accepted: str) -> str:
    """The language: the one that the person chose, else the first of the browser's that we have."""
    if chosen in LANGUAGES:
        return chosen
    for each in accepted.lower().split(","):
        code = each.partition(";")[0].strip()[:2]
        if code in LANGUAGES:
            return code
    return LANGUAGES[0]
