"""What the form of a submission says of each field stands in every language of the console, and the English is the API's own."""

from __future__ import annotations

from typing import Any

import pytest

from console.forms import fields_of
from console.texts import LANGUAGES, messages
from shared.runtime.requests import BATCH, POLICY

TREATED = ("clientToken", "dryRun", "policy")
"""Of a submission, what the form treats by itself."""
SHOWN: dict[str, Any] = {
    **{name: each for name, each in BATCH["properties"].items() if name not in TREATED},
    **POLICY["properties"],
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_field_has_its_name_and_its_help_in_every_language(name: str) -> None:
    words = messages("form")
    assert set(words[f"name.{name}"]) == set(LANGUAGES)
    said = SHOWN[name].get("description", "")
    assert words.get(f"help.{name}", {}).get("en", "") == said, "the API says something else: translate it again"
    assert not said or words[f"help.{name}"]["zh"]


def test_every_choice_and_every_example_has_its_words() -> None:
    words = messages("form")
    fields = fields_of({"properties": SHOWN}, {})
    assert [each.name for each in fields if each.kind == "json" and f"example.{each.name}" not in words] == []
    assert [choice for each in fields for choice in each.choices if f"choice.{choice}" not in words] == []


def test_no_words_are_left_of_a_field_that_is_gone() -> None:
    kinds = ("name", "help", "example")
    assert [key for key in messages("form") if key.partition(".")[0] in kinds and key.partition(".")[2] not in SHOWN] == []
