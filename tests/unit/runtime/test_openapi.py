"""The OpenAPI document matches the API: every answer is valid, and every operation is listed."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.migration import State
from shared.runtime import requests
from shared.runtime.http_rules import VERSION
from shared.runtime.openapi import openapi_document
from shared.runtime.routes import ROUTES
from tests.support.api import ApiInMemory, entry, migration

DOCUMENT = openapi_document(ROUTES, "x-replank-operator")


def test_it_is_served() -> None:
    api = ApiInMemory()
    status, found = api.handled({**api.request("GET", "/"), "rawPath": "/openapi.json"})
    assert (status, found) == (200, json.loads(json.dumps(DOCUMENT)))


def test_every_operation_says_its_statuses() -> None:
    names = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names)) == len(ROUTES)
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            assert {"200", "400", "401", "403", "500", "503"} <= set(operation["responses"])


def test_descriptions_are_whole_sentences() -> None:
    described = {name: schema["description"] for name, schema in DOCUMENT["components"]["schemas"].items()}
    cut = {name: text for name, text in described.items() if text and not text.endswith(".")}
    assert cut == {}


def test_every_schema_is_one() -> None:
    for schema in (*DOCUMENT["components"]["schemas"].values(), requests.BATCH, requests.ACKNOWLEDGEMENT):
        jsonschema.Draft202012Validator.check_schema(schema)


def check(method: str, template: str, answer: dict[str, Any]) -> None:
    """Check that the answer of an operation is documented, including its body."""
    responses = DOCUMENT["paths"][VERSION + template][method.lower()]["responses"]
    assert str(answer["statusCode"]) in responses, (template, answer)
    schema = responses[str(answer["statusCode"])]["content"][answer["headers"]["Content-Type"]]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(json.loads(answer["body"]))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_answers_are_as_documented(route: Any) -> None:
    api = ApiInMemory()
    batch_id = api.open_batch(migration("m1"), migration("m2", State.FAILED))
    api.fakes.ledger.write_entry(entry("m1", "a"))
    bodies = {"submitBatch": {"instanceIds": ["i-a"]}, "acknowledgeBatch": {"risksVersion": "2026-11"}}
    path = route.path.replace("{batchId}", batch_id).replace("{migrationId}", "m1")
    check(route.method, route.path, api.send(route.method, path, bodies.get(route.name)))
    missing = route.path.replace("{batchId}", "b-none").replace("{migrationId}", "m-none")
    check(route.method, route.path, api.send(route.method, missing, bodies.get(route.name)))
    check(route.method, route.path, api.send(route.method, path, [1], query={"x": "y"}, operator=""))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 2000) | st.text(max_size=8) | st.sampled_from(["i-a", "centos-7", "22:00", "smc"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted({*requests.BATCH["properties"], *requests.POLICY["properties"], "start", "end", "i-a", "x"})),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(JSON, JSON, JSON)
def test_any_body_is_answered_as_documented(ids: Any, policy: Any, rest: Any) -> None:
    """The API accepts what the schema allows, refuses what it forbids, and never fails with an internal error."""
    body = {"instanceIds": ids, "policy": policy, **(rest if isinstance(rest, dict) else {})}
    answer = ApiInMemory().send("POST", "/batches", body)
    check("POST", "/batches", answer)
    allowed = jsonschema.Draft202012Validator(requests.BATCH).is_valid(body)
    assert allowed or answer["statusCode"] == 400
    code = json.loads(answer["body"]).get("Code", "")
    assert not allowed or answer["statusCode"] == 201 or code.startswith("Catalog.")
