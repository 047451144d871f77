"""The settings that people see are those that the code reads, each with its words in every language of the console."""

from __future__ import annotations

from console.texts import LANGUAGES, messages
from shared.runtime.shown_settings import VALUES
from tools.pages import settings

NOT_SHOWN = {"REPLANK_LAZY_AIOHTTP", "REPLANK_BUNDLE"}
"""They are read before there are settings, and decide about the start-up only."""


def test_every_setting_is_shown() -> None:
    assert set(VALUES) == settings.read_by_code() - NOT_SHOWN


def test_every_setting_has_the_words_of_the_reference_in_every_language() -> None:
    words = messages("settings")
    assert {name: words[f"of.{name}"]["en"] for name in VALUES} == {name: settings.WORDS[name] for name in VALUES}
    assert all(set(words[f"of.{name}"]) == set(LANGUAGES) for name in VALUES)
