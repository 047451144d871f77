"""The API behind API Gateway: gateway.yml is deployed, and a batch goes all the way through it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from localcloud.account import service
from localcloud.apigateway import ApiGateway
from shared.runtime.openapi import openapi_document
from shared.runtime.routes import ROUTES
from tests.support.fleets import fleet, instance
from tests.support.gateway import GatewayClient, sent
from tests.support.world import World
from tools.deployed.product import ROOT, URL

GATEWAY = f"{URL}/gateway/replank"


@pytest.fixture
def world() -> Iterator[World]:
    with World(templates=(ROOT / "template.yml", ROOT / "gateway.yml")).connected() as connected:
        yield connected


@pytest.fixture
def client(world: World) -> GatewayClient:
    deployed: ApiGateway = service(world.cloud, "apigateway")
    (app,) = deployed.groups()[0].apps
    return GatewayClient(GATEWAY, app.key, app.secret, {"x-replank-operator": "ann"})


def good(answer: requests.Response) -> Any:
    assert answer.status_code < 300, (answer.status_code, answer.text, answer.headers)
    return answer.json()


def test_a_batch_is_submitted_acknowledged_and_finished_through_the_gateway(world: World, client: GatewayClient) -> None:
    world.load_fleet(fleet(instance(1), instance(2)))
    batch = good(client.send("POST", "/v1/batches", {"instanceIds": ["i-test0001", "i-test0002"]}))["batchId"]
    world.run(15)
    seen = client.send("GET", f"/v1/batches/{batch}")
    assert good(seen)["counts"] == {"ready": 2}
    summary = {"risksVersion": good(client.send("GET", "/v1/risks"))["version"]}
    good(client.send("POST", f"/v1/batches/{batch}/acknowledgement", summary, if_match=seen.headers["ETag"]))
    world.run_until(lambda: set(world.states().values()) == {"migrated"}, minutes=600, every=30)
    for migration in good(client.send("GET", f"/v1/migrations?batchId={batch}&limit=1&state=migrated"))["migrations"]:
        about = f"/v1/migrations/{migration['migrationId']}"
        seen = client.send("GET", about)
        assert client.send("GET", about, if_none_match=seen.headers["ETag"]).status_code == 304
        confirmed = good(client.send("POST", f"{about}/confirmation", if_match=seen.headers["ETag"]))
        assert confirmed["state"] == "confirmed"
        lines = good(client.send("GET", f"{about}/journal"))["lines"]
        assert lines[-1]["by"] == "ann"
    assert sorted(world.states().values()) == ["confirmed", "migrated"]


def test_refusals_of_the_api_come_through_as_they_are(client: GatewayClient) -> None:
    answer = client.send("GET", "/v1/migrations/m-none")
    assert (answer.status_code, answer.json()["Code"]) == (404, "Migration.NotFound")
    assert "X-Ca-Error-Code" not in answer.headers, "it is the function's answer, not the gateway's"
    assert answer.headers["X-Ca-Request-Id"]
    client.headers = {}
    assert client.send("POST", "/v1/batches", {"instanceIds": ["i-a"]}).json()["Code"] == "Operator.Missing"


def test_every_operation_of_the_document_is_behind_the_gateway_and_no_other(world: World) -> None:
    deployed: ApiGateway = service(world.cloud, "apigateway")
    paths = openapi_document(ROUTES, "x-replank-operator")["paths"]
    wanted = {(method.upper(), path.replace("{", "[").replace("}", "]")) for path in paths for method in paths[path]}
    assert {(api.method, api.path) for api in deployed.groups()[0].apis} == wanted | {("GET", "/openapi.json")}


def test_a_token_reaches_every_operation(world: World, client: GatewayClient) -> None:
    """The gateway drops what is not declared: a name that was verified would become a claim."""
    deployed: ApiGateway = service(world.cloud, "apigateway")
    passing = {api.name for api in deployed.groups()[0].apis if "x-replank-token" in {each.name.lower() for each in api.parameters}}
    assert {api.name for api in deployed.groups()[0].apis} - passing == {"replank-GetDocument"}
    answer = client.send("POST", "/v1/batches", {"instanceIds": ["i-a"]}, x_replank_token="a.b.c")
    assert answer.json()["Code"] == "Token.NoProvider"


def test_the_document_is_read_through_the_gateway(client: GatewayClient) -> None:
    found = good(client.send("GET", "/openapi.json"))
    assert found["servers"][0]["url"] == "."
    answer = client.send("GET", "/risks")
    assert (answer.status_code, answer.headers["X-Ca-Error-Code"]) == (404, "I404NF"), "old paths end at the gateway"


def test_nobody_is_let_in_without_the_gateways_leave(client: GatewayClient) -> None:
    answer = sent(requests.Request("GET", f"{GATEWAY}/v1/risks"))
    assert (answer.status_code, answer.headers["X-Ca-Error-Code"]) == (400, "A400MA")
    client.secret = "another"
    assert client.send("GET", "/v1/risks").headers["X-Ca-Error-Code"] == "A403IS"


def test_without_the_role_the_gateway_cannot_invoke_the_function(world: World, client: GatewayClient) -> None:
    world.cloud.policies.set_role("replank-gateway", [])
    answer = client.send("GET", "/v1/risks")
    assert (answer.status_code, answer.headers["X-Ca-Error-Code"]) == (403, "A403FC")


def test_the_functions_rate_is_counted_by_app(client: GatewayClient) -> None:
    """Beyond the gateway's own limit its throttling answers."""
    answers = [client.send("GET", "/v1/risks") for _ in range(301)]
    assert {each.status_code for each in answers[:300]} == {200}
    assert (answers[300].status_code, answers[300].headers["X-Ca-Error-Code"]) == (429, "T429PA")
