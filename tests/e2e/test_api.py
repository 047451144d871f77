"""The HTTP API behind its signed trigger, on the real store and bus: who may call, pages, filters, idempotence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import requests

from cli.client import ApiClient
from cli.problem import Problem
from tests.support.fleets import fleet, instance
from tests.support.world import World
from tools.deployed.product import URL

PREFIX = f"{URL}/http/replank-api"


@pytest.fixture
def world() -> Iterator[World]:
    with World().connected() as connected:
        yield connected


def refused(call: Any) -> str:
    with pytest.raises(Problem) as raised:
        call()
    return raised.value.code


def test_only_signed_requests_are_let_in(world: World) -> None:
    assert requests.get(f"{PREFIX}/risks", timeout=5).status_code == 400  # MissingRequiredHeader, as Function Compute says
    owner = world.cloud.owner
    wrong = ApiClient(PREFIX, owner.access_key_id, "wrong", operator="ann")
    assert "Signature" in refused(lambda: wrong.get("/risks"))
    assert world.api.get("/risks")["text"]


def test_every_act_names_its_operator(world: World) -> None:
    nobody = ApiClient(PREFIX, world.cloud.owner.access_key_id, world.cloud.owner.access_key_secret)
    assert refused(lambda: nobody.post("/batches", {"instanceIds": ["i-a"]})) == "Operator.Missing"
    assert world.api.post("/batches", {"instanceIds": ["i-a"]})["createdBy"] == "ann"


def test_the_document_describes_what_is_answered(world: World) -> None:
    document = world.api.get("/openapi.json")
    batch = world.api.post("/batches", {"instanceIds": ["i-a"]})
    schema = {"$ref": "#/components/schemas/BatchView", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(batch)


def test_batches_are_paged_newest_first_and_found_again_by_token(world: World) -> None:
    ids = []
    for number in range(5):
        ids.append(world.api.post("/batches", {"instanceIds": [f"i-{number}"], "clientToken": f"t{number}"})["batchId"])
        world.run(1)
    assert [each["batchId"] for each in world.api.all_items("/batches", "batches")] == ids[::-1]
    first = world.api.get("/batches", limit=2)
    second = world.api.get("/batches", limit=2, nextToken=first["nextToken"])
    assert [each["batchId"] for each in first["batches"] + second["batches"]] == ids[:0:-1]
    assert refused(lambda: world.api.get("/batches", nextToken="nonsense")) in (
        "Token.Invalid",
        "Page.TokenInvalid",
        "Request.Invalid",
    )
    assert world.api.post("/batches", {"instanceIds": ["i-3"], "clientToken": "t3"})["batchId"] == ids[3]
    assert refused(lambda: world.api.post("/batches", {"instanceIds": ["i-4"], "clientToken": "t3"})) == "ClientToken.Mismatch"


def test_instances_nobody_knows_are_problems_of_their_batch(world: World) -> None:
    world.load_fleet(fleet(instance(1)))
    batch = world.api.post("/batches", {"instanceIds": ["i-test0001", "i-nobody"]})["batchId"]
    world.run(10)
    found = world.api.get(f"/batches/{batch}")
    assert [(each["instanceId"], each["code"]) for each in found["problems"]] == [("i-nobody", "Instance.NotFound")]
    assert sum(found["counts"].values()) == 1


def test_a_dry_run_checks_and_never_moves(world: World) -> None:
    world.load_fleet(fleet(instance(1)))
    batch = world.api.post("/batches", {"instanceIds": ["i-test0001"], "dryRun": True})["batchId"]
    world.run(30)
    version = world.api.get("/risks")["version"]
    assert refused(lambda: world.api.post(f"/batches/{batch}/acknowledgement", {"risksVersion": version})) == "Batch.DryRun"
    (migration,) = world.migrations(batchId=batch)
    assert world.api.get(f"/migrations/{migration['migrationId']}")["blocked"] is False
    assert world.inventory()["counts"]["snapshots"] == 0


def test_a_cancelled_migration_frees_its_instance(world: World) -> None:
    world.load_fleet(fleet(instance(1)))
    world.api.post("/batches", {"instanceIds": ["i-test0001"]})
    world.run(10)
    (migration,) = world.migrations(state="ready")
    path = f"/migrations/{migration['migrationId']}"
    assert world.api.post(f"{path}/cancellation")["state"] == "cancelled"
    assert world.api.get(f"{path}/journal")["lines"][-1]["by"] == "ann"
    world.api.post("/batches", {"instanceIds": ["i-test0001"]})
    world.run(10)
    assert sorted(each["state"] for each in world.migrations(instanceId="i-test0001")) == ["cancelled", "ready"]
