"""Messages and requests that nobody should send: refused with a code, nothing changed, never an unexpected error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.account import service
from shared.domain import events
from tests.simulation.simulation import prepared
from tests.simulation.truth import Truth
from tests.support.fleets import fleet, instance
from tests.support.world import World

FUNCTIONS = ("intake", "precheck", "snapshot", "migrate", "watch", "validate", "rollback", "sweep")
TYPES = [*sorted(events.CONSUMERS), "ecs:Instance:StateChange", "ecs:Snapshot:CreateSnapshotCompleted", "replank:Migration:Unknown"]
QUIET = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.text(max_size=20), st.just("x" * 5000))
JSON = st.recursive(SCALAR, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner)))
NAMES = ("migrationId", "batchId", "instanceId", "version", "stage", "releases", "policy", "content", "resourceId", "snapshotName")
DATA = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5)


@pytest.fixture(scope="module")
def settled() -> Iterator[tuple[World, Truth]]:
    """A world with one migration that waits for its acknowledgement, and what is written in it from then on."""
    with prepared():
        world = World(env={"REPLANK_RETRY_PAUSE_MS": "0"})
        truth = Truth(world.cloud)
        truth.attach()
        with world.connected():
            world.load_fleet(fleet(instance(1)))
            world.api.post("/batches", {"instanceIds": ["i-test0001"], "clientToken": "one"})
            world.run_until(lambda: world.states() == {"i-test0001": "ready"}, minutes=30)
            yield world, truth


def invoked(world: World, function: str, payload: bytes) -> dict[str, Any]:
    """How one invocation ends: its answer, or its error."""
    fc = service(world.cloud, "fc")
    result = fc.runner.run(fc.functions.need(f"replank-{function}"), payload, "test", world.cloud.request_id())
    found: dict[str, Any] = json.loads(result.body)
    return found


@QUIET
@given(st.sampled_from(FUNCTIONS), st.sampled_from(TYPES), st.sampled_from(["replank", "acs.ecs", "elsewhere", ""]), DATA)
def test_no_event_breaks_a_function_or_moves_an_instance(
    settled: tuple[World, Truth], function: str, type: str, source: str, data: dict[str, Any]
) -> None:
    world, truth = settled
    event = {"id": "e1", "source": source, "specversion": "1.0", "type": type, "time": "2026-11-23T09:00:00Z", "data": data}
    before = {id: migration.state for id, migration in truth.migrations.items()}
    answer = invoked(world, function, json.dumps(event).encode())
    assert answer.get("errorType", "Transient") == "Transient", answer
    assert {id: truth.migrations[id].state for id in before} == before


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b"{", b"\xff\xfe", b'"text"', b"[" * 100_000, b'{"a":' * 5000, b'{"x":"' + b"y" * 300_000 + b'"}'],
    ids=["empty", "null", "empty list", "cut off", "no text", "a string", "deep list", "deep object", "oversized"],
)
def test_what_is_no_event_is_refused_with_a_code(settled: tuple[World, Truth], function: str, payload: bytes) -> None:
    world, truth = settled
    count = truth.count
    answer = invoked(world, function, payload)
    assert answer.get("code") or answer.get("result") is not None, answer
    assert "errorType" not in answer, answer
    assert truth.count == count


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
