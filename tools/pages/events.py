"""events/README.md: every event, its publishers, its consumers, and the rules that route it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml

from shared.domain import events
from tools.pages.common import NOTICE, ROOT, codes, table

TYPES = sorted(events.PRODUCERS)


def folder(event_type: str) -> str:
    """The folder under events/ for a type: the last part of the type."""
    return event_type.rpartition(":")[2]


@lru_cache(maxsize=1)
def rules() -> dict[str, dict[str, Any]]:
    """The properties of every EventBridge rule of template.yml, by rule name."""
    resources = yaml.safe_load((ROOT / "template.yml").read_text(encoding="utf-8"))["Resources"].values()
    return {each["Properties"]["RuleName"]: each["Properties"] for each in resources if each["Type"] == "ALIYUN::EventBridge::Rule"}


def target(rule: dict[str, Any]) -> str:
    """The function that is a rule's first target."""
    return str(rule["Targets"][0]["Endpoint"]["Fn::Sub"].rpartition("/")[2])


def render() -> str:
    """The page."""
    external = sorted(path.parent for path in (ROOT / "events/external").glob("*/schema.json"))
    return "\n".join(
        (
            "# Events\n",
            NOTICE,
            "CloudEvents 1.0 on the bus `replank`; `envelope.schema.json` describes the envelope, each folder the `data`.",
            "Samples are only ever added, never changed: what was valid once stays readable. An event whose `version` is behind",
            "the row it speaks of is a duplicate and is dropped; equal `source` and `id` mean the same event.\n",
            table(("type", "published by", "acted on by", "tells"), (_row(each) for each in TYPES)),
            "Events that nobody acts on inform whoever subscribes to the bus.\n",
            "## Events of other services\n",
            "On the bus `default`. Fields not named in the schema are ignored.\n",
            table(("type", "tells"), ((f"`{doc['title']}`", doc["description"]) for doc in map(_schema, external))),
            "## Rules\n",
            table(("rule", "bus", "function", "pattern"), (_rule(name) for name in sorted(rules()))),
            "## What reaches a function\n",
            "`triggers/` holds one example of each shape: `http.json`, `timer.json`, `eventbridge.json` (one event) and",
            "`eventbridge-list.json` (several at once).",
            "",
        )
    )


def _row(event_type: str) -> tuple[str, ...]:
    producer = events.PRODUCERS[event_type] + (" or a source of REPLANK_NOTICE_SOURCES" if event_type == events.END_OF_LIFE else "")
    words = _schema(ROOT / "events" / folder(event_type))["description"]
    return (f"[`{event_type}`]({folder(event_type)}/)", producer, ", ".join(events.CONSUMERS.get(event_type, ())) or "-", words)


def _schema(place: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((place / "schema.json").read_text(encoding="utf-8"))
    return document


def _rule(name: str) -> tuple[str, ...]:
    rule = rules()[name]
    pattern = rule["FilterPattern"]
    words = [f"type in {codes(folder(each) for each in pattern['type'])}"]
    words += [f"`{key}` in {codes(value)}" for key, value in pattern.items() if key == "source"]
    words += [f"`{path}` in {codes(values)}" for path, values in _wanted("data", pattern.get("data", {}))]
    return (name, rule["EventBusName"], target(rule), "; ".join(words))


def _wanted(path: str, pattern: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The fields that a pattern tests, by path, with the accepted values."""
    for key, value in pattern.items():
        if isinstance(value, dict):
            yield from _wanted(f"{path}.{key}", value)
        else:
            yield f"{path}.{key}", value
