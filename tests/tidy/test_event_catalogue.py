"""Events: every type has a folder, a schema, samples, a producer, and exactly the routes that the code says."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from localcloud.eventbridge import pattern
from shared.domain import events
from tests.support.event_contract import problems_of
from tests.support.repository import ROOT, of_type, services, source_files, tree

FOLDER = ROOT / "events"
ENVELOPE = json.loads((FOLDER / "envelope.schema.json").read_text(encoding="utf-8"))
CONSTANTS = {name: value for name, value in vars(events).items() if isinstance(value, str) and value.startswith("replank:")}
OURS = {value: FOLDER / value.rpartition(":")[2] for value in CONSTANTS.values()}
SAMPLES = sorted((*FOLDER.glob("*/sample*.json"), *FOLDER.glob("external/*/sample*.json")))


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def routes(event: dict[str, Any], bus: str) -> list[str]:
    """The functions of the rules that want an event, once for each rule."""
    wanted = [rule for rule in of_type("ALIYUN::EventBridge::Rule") if rule["EventBusName"] == bus]
    targets = [target for rule in wanted if pattern.matches(rule["FilterPattern"], event) for target in rule["Targets"]]
    return [target["Endpoint"]["Fn::Sub"].rpartition("/replank-")[2] for target in targets]


def routed(event: dict[str, Any], bus: str) -> set[str]:
    """The functions whose rules want an event."""
    return set(routes(event, bus))


@pytest.mark.parametrize("shape", ["sample.json", "sample.cloudmonitor.json"])
def test_of_an_instances_state_changes_only_that_it_runs_goes_to_the_watch_and_once(shape: str) -> None:
    event = load(FOLDER / "external" / "StateChange" / shape)
    content = event["data"].get("content", event["data"])
    told = {}
    for state in ("Created", "Starting", "Running", "Stopping", "Stopped", "Deleted"):
        content["state"] = state
        told[state] = routes(event, "default")
    assert {state: found for state, found in told.items() if found} == {
        state: ["watch"] for state in ("Running", "Stopped", "Deleted")
    }


def test_every_type_has_a_folder_and_every_folder_a_type() -> None:
    folders = {path.parent for path in FOLDER.glob("*/schema.json")}
    assert folders == set(OURS.values())
    assert all((folder / "sample.json").exists() for folder in folders)


def test_every_type_has_a_producer_that_is_a_function() -> None:
    assert set(events.PRODUCERS) == set(CONSTANTS.values())
    assert set(events.PRODUCERS.values()) <= set(services())


def test_every_type_is_published_somewhere() -> None:
    used = {
        name.attr if isinstance(name, ast.Attribute) else name.id
        for path in source_files("shared")
        if path.name != "events.py"
        for name in ast.walk(tree(path))
        if isinstance(name, (ast.Attribute, ast.Name))
    }
    assert set(CONSTANTS) - used == set()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_sample_is_what_its_schema_says(path: Path) -> None:
    event, schema = load(path), load(path.parent / "schema.json")
    Draft202012Validator(ENVELOPE, format_checker=FormatChecker()).validate(event)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(event["data"])
    assert event["type"] == schema["title"]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("**/*schema.json")), ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_schema_is_one(path: Path) -> None:
    Draft202012Validator.check_schema(load(path))


@pytest.mark.parametrize("event_type", sorted(OURS))
def test_a_type_goes_to_its_consumers_and_nowhere_else(event_type: str) -> None:
    event = load(OURS[event_type] / "sample.json")
    consumers = events.CONSUMERS.get(event_type, ())
    by_stage = "stage" in load(OURS[event_type] / "schema.json")["properties"]
    if not by_stage:
        assert routed(event, "replank") == set(consumers)
        return
    assert consumers
    for stage in consumers:
        assert routed({**event, "data": {**event["data"], "stage": stage}}, "replank") == {stage}
    others = set(services()) - set(consumers)
    assert all(not routed({**event, "data": {**event["data"], "stage": stage}}, "replank") for stage in others)


def test_a_stage_in_a_schema_is_a_consumer() -> None:
    for event_type, folder in OURS.items():
        stage = load(folder / "schema.json")["properties"].get("stage", {})
        named = set(stage.get("enum", [])) | ({stage["const"]} if "const" in stage else set())
        assert named <= set(events.CONSUMERS.get(event_type, ())), event_type


@pytest.mark.parametrize(
    ("word", "functions"),
    [("StateChange", {"watch"}), ("CreateSnapshotCompleted", {"watch"}), ("DiskOperationCompleted", set())],
)
def test_events_of_ecs_go_where_they_are_wanted(word: str, functions: set[str]) -> None:
    for path in (FOLDER / "external" / word).glob("sample*.json"):
        assert routed(load(path), "default") == functions


def test_a_foreign_notice_is_taken() -> None:
    assert routed(load(FOLDER / "EndOfLife/sample.notice.json"), "replank") == {"intake"}


def test_the_end_of_a_command_goes_to_the_stage_that_its_name_begins_with() -> None:
    event = load(FOLDER / "external/TaskCompleted/sample.json")
    for stage in events.WAIT_FOR_COMMANDS:
        event["data"]["commandName"] = events.guest_command_name(stage, "m0f1e2d3c4b5a6978")
        assert routes(event, "default") == [stage]
        assert events.accepts_message(stage, event["type"], event["source"])
        assert events.migration_id_in_command(event["data"]["commandName"]) == "m0f1e2d3c4b5a6978"
    for other in ("replank", "replank-snapshot-m0f1e2d3c4b5a6978", "backup", "a-replank-precheck-m0f1e2d3c4b5a6978"):
        event["data"]["commandName"] = other
        assert routes(event, "default") == []
        assert not events.accepts_message("snapshot", event["type"], event["source"])
        assert not events.accepts_message("precheck", event["type"], "elsewhere")
        assert events.migration_id_in_command(other) == ""


def test_the_contract_is_strict() -> None:
    event = load(OURS[events.SNAPSHOT_READY] / "sample.json")
    assert problems_of(event) == []
    assert problems_of({**event, "data": {**event["data"], "extra": 1}}) != []
    assert problems_of({**event, "data": {**event["data"], "stage": "sweep"}}) != []
    assert problems_of({**event, "specversion": "0.3"}) != []


def test_the_architecture_names_every_event() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert [folder.name for folder in OURS.values() if folder.name not in text] == []
