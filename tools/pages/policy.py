"""The policy of a batch for docs/operations.md, from the same model as the API, the event and the command."""

from __future__ import annotations

import json

from cli.policy_file import SCHEMA
from shared.domain.policy import BOUNDS, DEFAULTS, WORDS
from tools.pages.common import table


def render() -> str:
    """One line per field."""
    return table(
        ("field", "default", "from, to", "decides"), [(f"`{name}`", _default(name), _bounds(name), WORDS[name]) for name in WORDS]
    )


def schema() -> str:
    """The JSON Schema that `replank policy schema` prints."""
    return json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"


def _default(name: str) -> str:
    value = DEFAULTS.get(name)
    return "none" if value in (None, "", ()) else str(value).lower()


def _bounds(name: str) -> str:
    return "{} to {}".format(*BOUNDS[name]) if name in BOUNDS else "-"
