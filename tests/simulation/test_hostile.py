"""Messages and requests that nobody should send: each is refused with a code, changes nothing, and causes no unexpected error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.account import service
from shared.adapters import redact
from shared.domain import events
from shared.domain.batch import RISKS_VERSION
from shared.runtime import logs
from shared.runtime.composition import FUNCTIONS
from tests.simulation.simulation import prepared
from tests.simulation.truth import Truth
from tests.support.fleets import fleet, instance
from tests.support.loglines import Lines
from tests.support.state import digest
from tests.support.world import World

TYPES = [*sorted(events.CONSUMERS), "ecs:Instance:StateChange", "ecs:Snapshot:CreateSnapshotCompleted", "replank:Migration:Unknown"]
QUIET = settings(max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck))
MORE = settings(QUIET, max_examples=300)
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.text(max_size=20), st.just("x" * 5000))
JSON = st.recursive(SCALAR, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner)))
NAMES = ("migrationId", "batchId", "instanceId", "version", "stage", "releases", "policy", "content", "resourceId", "snapshotName")
REAL = "<of the one that exists>"
DATA = st.dictionaries(st.sampled_from(NAMES), st.one_of(JSON, st.just(REAL)), max_size=5)
SECRET = "the-activation-code"
SOURCES = ["replank", "acs.ecs", "elsewhere"]
STATES = {"i-test0001": "migrated", "i-test0002": "migrating", "i-test0003": "ready"}


def _until(world: World, id: str, state: str) -> None:
    world.run_until(lambda: world.states().get(id) == state, minutes=180)


@pytest.fixture(scope="module")
def settled() -> Iterator[tuple[World, Truth]]:
    """A world with migrations in three states. Returns what is written in it from then on.

    One has ended and waits for its confirmation, one is running, and one waits for its acknowledgement.
    """
    with prepared():
        world = World(env={"REPLANK_RETRY_PAUSE_MS": "0"})
        truth = Truth(world.cloud)
        truth.attach()
        with world.connected():
            world.load_fleet(fleet(*map(instance, range(1, 4))))
            for id, state in STATES.items():
                batch_id = world.api.post("/batches", {"instanceIds": [id], "clientToken": id})["batchId"]
                _until(world, id, "ready")
                if state != "ready":
                    world.api.post(f"/batches/{batch_id}/acknowledgement", {"risksVersion": RISKS_VERSION})
                _until(world, id, state)
            assert world.states() == STATES
            redact.add_secret(SECRET)
            yield world, truth


@pytest.fixture(scope="module")
def said() -> Iterator[Lines]:
    """The log output of the functions."""
    lines, level = Lines(), logs.log.level
    logs.log.addHandler(lines)
    logs.log.setLevel("INFO")
    yield lines
    logs.log.removeHandler(lines)
    logs.log.setLevel(level)


def invoked(world: World, function: str, payload: bytes) -> dict[str, Any]:
    """The result of one invocation: its answer, or its error."""
    fc = service(world.cloud, "fc")
    result = fc.runner.run(fc.functions.need(f"replank-{function}"), payload, "test", world.cloud.request_id())
    found: dict[str, Any] = json.loads(result.body)
    return found


def event(type: str, data: Any, source: str = "replank", **more: Any) -> dict[str, Any]:
    return {"id": "e1", "source": source, "specversion": "1.0", "type": type, "time": "2026-11-23T09:00:00Z", "data": data, **more}


def one_line(said: Lines) -> dict[str, Any]:
    """The only log line of an invocation, checked for text that no log line may have."""
    (text,) = said.taken()
    assert len(text.encode()) < 32_000
    assert SECRET not in text
    found: dict[str, Any] = json.loads(text)
    return found


@MORE
@given(st.sampled_from(FUNCTIONS), st.sampled_from(TYPES), st.sampled_from(SOURCES), st.sampled_from(sorted(STATES)), DATA)
def test_no_event_breaks_a_function_or_changes_anything(
    settled: tuple[World, Truth], said: Lines, function: str, type: str, source: str, instance_id: str, data: dict[str, Any]
) -> None:
    world, truth = settled
    migration = next(each for each in truth.migrations.values() if each.instance_id == instance_id)
    real = {"migrationId": migration.migration_id, "batchId": migration.batch_id}
    data = {name: real.get(name, instance_id) if value == REAL else value for name, value in data.items()}
    before = digest(world.cloud)
    said.taken()
    answer = invoked(world, function, json.dumps(event(type, data, source)).encode())
    line = one_line(said)
    assert answer.get("errorType", "Refused") == "Refused", answer
    assert line["code"].startswith("Event.") if "errorType" in answer else line["result"] == answer["result"]
    assert line["level"] != "ERROR"
    assert digest(world.cloud) == before


def shapes(function: str) -> Iterator[tuple[str, bytes]]:
    """Invalid events for a function, by the error in each."""
    type = next((each for each, names in events.CONSUMERS.items() if function in names), "timer")
    right = event(type, {"migrationId": "m-none", "batchId": "b-none"})
    wrong: dict[str, Any] = {
        "null": None,
        "an empty list": [],
        "a string": "text",
        "no data object": {**right, "data": [SECRET]},
        "no source": {**right, "source": 5},
        "a long id": {**right, "id": f"{SECRET} " * 100},
        "a later version of CloudEvents": {**right, "specversion": "2.0"},
        "a later version of the type": {**right, "type": f"{type}.v2"},
        "another function's": {**right, "type": "replank:Migration:ConfirmationGiven"},
        "from a stranger": {**right, "type": f"acs:{SECRET}", "source": SECRET},
        "one broken of two": [right, {**right, "type": None}],
        "a broken timer": {"triggerName": "tick", "triggerTime": 5},
        "a broken request": {"version": "v1", "rawPath": 7, "requestContext": {"http": {"method": "GET"}}},
        "beyond 64 KB": {**right, "data": {**right["data"], "note": SECRET * 4_000}},
        "half a surrogate pair": {**right, "data": {"migrationId": "\ud800"}},
    }
    yield from ((name, json.dumps(each).encode()) for name, each in wrong.items())
    yield from {
        "empty": b"",
        "cut off": b'{"id": "the-activation-code"',
        "no text": b"\xff\xfe",
        "deep list": b"[" * 100_000,
        "deep object": b'{"a":' * 5000,
        "oversized": b'{"x":"' + b"y" * 2_000_000 + b'"}',
    }.items()


CASES = [(function, name, payload) for function in FUNCTIONS for name, payload in shapes(function)]


@pytest.mark.parametrize(
    ("function", "payload"),
    [(function, payload) for function, _, payload in CASES],
    ids=[f"{function}: {name}" for function, name, _ in CASES],
)
def test_what_is_no_event_is_raised_with_its_code_and_changes_nothing(
    settled: tuple[World, Truth], said: Lines, function: str, payload: bytes
) -> None:
    """The error is raised, so that the platform keeps the message in the dead-letter queue. The log has one line about it."""
    world, _ = settled
    before = digest(world.cloud)
    said.taken()
    answer = invoked(world, function, payload)
    line = one_line(said)
    assert (answer["errorType"], line["result"], line["level"]) == ("Refused", "refused", "WARNING")
    assert line["code"] in ("Event.Invalid", "Event.Unknown")
    assert answer["errorMessage"].startswith(f"{line['code']}: ")
    assert line["remedy"]
    assert line["function"] == f"replank-{function}"
    assert SECRET not in answer["errorMessage"]
    assert digest(world.cloud) == before


PATHS = (
    "/batches",
    "/batches/{id}/acknowledgement",
    "/migrations/{id}/confirmation",
    "/migrations/{id}/rollback",
    "/migrations",
    "/nothing",
)
BODY = st.dictionaries(
    st.sampled_from(
        ["instanceIds", "releases", "policy", "destination", "destinations", "clientToken", "risksVersion", "dryRun", "x"]
    ),
    JSON,
)


@QUIET
@given(st.sampled_from(["GET", "POST", "PUT", "DELETE"]), st.sampled_from(PATHS), st.text(max_size=30), BODY)
def test_no_request_is_answered_with_a_server_error(
    settled: tuple[World, Truth], method: str, path: str, id: str, body: dict[str, Any]
) -> None:
    world, truth = settled
    before = {each: migration.state for each, migration in truth.migrations.items()}
    http = {"method": method, "path": path.replace("{id}", id)}
    request = {
        "version": "v1",
        "rawPath": http["path"],
        "headers": {"content-type": "application/json", "x-replank-operator": "eve"},
        "queryParameters": {},
        "body": json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"http": http},
    }
    answer = invoked(world, "api", json.dumps(request).encode())
    assert answer["statusCode"] < 500, answer
    if answer["statusCode"] >= 400:
        assert set(json.loads(answer["body"])) >= {"Code", "Message", "RequestId", "Recommend"}
    assert {each: truth.migrations[each].state for each in before} == before
