"""One line of a recipe in the form of an operator's file."""

from __future__ import annotations


def recipe_line(text: str, source: str, certainty: str = "foreign") -> dict[str, str]:
    """A command or a file, with its source and its certainty."""
    return {"text": text, "source": source, "certainty": certainty}
