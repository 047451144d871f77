"""Checks events against their contract: the envelope, the schema in the type's folder, and the producer that may publish the
type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator

from shared.domain import events
from tests.support.repository import ROOT

FOLDER = ROOT / "events"
LATER = "laterField"
"""The field that the simulation adds for a future version, whose schemas do not exist here."""


def problems_of(event: Mapping[str, Any]) -> list[str]:
    """The errors in an event as it is on the bus; empty if the event is valid."""
    if event.get("type") not in events.PRODUCERS:
        return [f"{event.get('type')} is no type of ours"]
    word = str(event["type"]).rpartition(":")[2]
    data = event.get("data")
    known = {name: value for name, value in data.items() if name != LATER} if isinstance(data, dict) else data
    found = [
        *_validator("envelope.schema.json").iter_errors(event),
        *_validator(f"{word}/schema.json").iter_errors(known),
    ]
    return [f"{word} {event.get('id')}: {error.json_path} {error.message[:200]}" for error in found]


@lru_cache(maxsize=64)
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((FOLDER / name).read_text(encoding="utf-8")))
