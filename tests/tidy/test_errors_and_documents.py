"""Every error says what to do, and the documents say what the code does."""

from __future__ import annotations

from tools.catalogue import stale
from tools.pages import errors


def test_every_error_has_a_sentence_and_a_remedy() -> None:
    """Empty ones are put together at run time; a written one must be a sentence."""
    wrong = [
        each
        for each in errors.found()
        for text in (each.message, each.remedy)
        if text and not text.rstrip().endswith((".", "}", "!", "?"))
    ]
    assert wrong == []


def test_codes_are_spelled_as_the_ecosystem_does() -> None:
    wrong = [
        each.code for each in errors.found() if not all(part[:1].isupper() and part.isalnum() for part in each.code.split("."))
    ]
    assert wrong == []


def test_generated_documents_are_up_to_date() -> None:
    assert stale() == [], "make docs"
