"""A message that no function understands ends in the dead-letter queue with its code, whichever way it came. No row changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.account import service
from shared.domain import events
from shared.runtime import logs
from shared.runtime.composition import FUNCTIONS
from tests.support.fleets import fleet, instance
from tests.support.loglines import Lines
from tests.support.state import digest
from tests.support.world import World

ATTEMPTS = 4
"""The first attempt, and maxAsyncRetryAttempts of s.yaml."""
DATA = {"migrationId": "m-none", "batchId": "b-none", "instanceId": "i-none", "version": 1}
ROUTED = [
    *((function, type, "replank") for type, names in events.CONSUMERS.items() for function in names if type != events.END_OF_LIFE),
    ("intake", events.END_OF_LIFE, "elsewhere"),
    ("watch", "ecs:Instance:StateChange", "acs.ecs"),
]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(env={"REPLANK_RETRY_PAUSE_MS": "0"}).connected() as connected:
        connected.load_fleet(fleet(instance(1)))
        connected.api.post("/batches", {"instanceIds": ["i-test0001"]})
        connected.run_until(lambda: connected.states() == {"i-test0001": "ready"}, minutes=30)
        yield connected


@pytest.fixture
def said() -> Iterator[Lines]:
    lines = Lines()
    logs.log.addHandler(lines)
    yield lines
    logs.log.removeHandler(lines)


def dead(world: World) -> list[dict[str, Any]]:
    """The dead letters so far: those of functions, and undelivered ones."""
    return [*service(world.cloud, "fc").queue.dead_letters(), *service(world.cloud, "eventbridge").deliveries.undeliverable()]


def refused(said: Lines) -> list[str]:
    """The codes of the log lines that say that a message was not understood."""
    lines = [json.loads(text) for text in said.taken()]
    return [line["code"] for line in lines if str(line.get("code", "")).startswith("Event.")]


@pytest.mark.parametrize(("function", "type", "source"), ROUTED)
def test_what_came_by_the_bus(world: World, said: Lines, function: str, type: str, source: str) -> None:
    """A later version of the envelope, sent through the deployed rule."""
    before, count = digest(world.cloud), len(dead(world))
    bus = "default" if source == "acs.ecs" else "replank"
    data = {**DATA, "stage": function, "state": "Running"}
    world.send(type, data, event_id=f"{function}-{count}", source=source, bus=bus, specversion="2.0")
    world.run(0.5)
    (letter,) = dead(world)[count:]
    assert letter["requestContext"]["functionArn"].endswith(f"functions/replank-{function}")
    assert letter["requestContext"]["approximateInvokeCount"] == ATTEMPTS
    assert json.loads(letter["requestPayload"])["id"] == f"{function}-{count}"
    assert json.loads(letter["responsePayload"])["errorMessage"].startswith("Event.Invalid: ")
    assert refused(said) == ["Event.Invalid"] * ATTEMPTS
    assert digest(world.cloud) == before


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_was_sent_to_a_function(world: World, said: Lines, function: str) -> None:
    """No rule leads to the api and the sweep, but anyone who may invoke a function can send it anything."""
    before, count = digest(world.cloud), len(dead(world))
    payload = json.dumps({"id": "e1", "source": "replank", "type": "replank:Migration:Unknown", "data": DATA}).encode()
    with world.cloud.lock, world.cloud.db.transaction():
        service(world.cloud, "fc").queue.add(f"replank-{function}", payload, "test")
    world.run(0.5)
    (letter,) = dead(world)[count:]
    assert letter["requestPayload"] == payload.decode()
    assert json.loads(letter["responsePayload"])["errorMessage"].startswith("Event.")
    assert len(refused(said)) == ATTEMPTS
    assert digest(world.cloud) == before


def test_what_no_function_can_be_handed(world: World) -> None:
    """Too large for an asynchronous call: the rule gives up, and the event is kept."""
    before, count = digest(world.cloud), len(dead(world))
    data = {**DATA, "stage": "validate", "note": "x" * 200_000}
    world.send("replank:Migration:InstanceRestarted", data, event_id="large", source="replank")
    world.run(5)
    (letter,) = dead(world)[count:]
    assert letter["event"]["id"] == "large"
    assert letter["dead_letter_queue"].endswith("queues/replank-dead-letters")
    assert digest(world.cloud) == before
