"""Whether a fleet document can be loaded: by the published schema, and by what a schema cannot say. Every problem is named."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from localcloud.core.regions import REGIONS

SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("fleet.schema.json").read_text(encoding="utf-8"))
SHOWN = 50
"""Problems told of one document; the rest is counted."""


class FleetInvalid(ValueError):
    """A fleet document is wrong; the text says where, one line each."""

    def __init__(self, problems: list[str]) -> None:
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        super().__init__("\n".join([*problems[:SHOWN], *more]))
        self.problems = problems


def check(document: Any) -> None:
    """Raise FleetInvalid unless the document can be loaded."""
    problems = [f"{place(error.absolute_path)}: {error.message}" for error in _validator().iter_errors(document)]
    problems += _contradictions(document) if not problems else []
    if problems:
        raise FleetInvalid(problems)


@lru_cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(SCHEMA)


def place(path: Iterable[str | int]) -> str:
    """``pages[0].Instances.Instance[3].Cpu``."""
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path).lstrip(".") or "fleet"


def _contradictions(document: dict[str, Any]) -> Iterator[str]:
    """What no schema can say: an id twice, an unknown region, facts of nobody."""
    ids: set[str] = set()
    for number, page in enumerate(document["pages"]):
        for index, record in enumerate(page["Instances"]["Instance"]):
            where, id = f"pages[{number}].Instances.Instance[{index}]", record["InstanceId"]
            if id in ids:
                yield f"{where}.InstanceId: {id} occurs twice"
            ids.add(id)
            if (record.get("RegionId") or "cn-hangzhou") not in REGIONS:
                yield f"{where}.RegionId: {record['RegionId']!r} is no region known here"
    for id in document.get("guests", {}):
        if id not in ids:
            yield f"guests.{id}: no instance of that id is in pages"
