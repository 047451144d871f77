"""The event of classic API Gateway is understood, and the answer has the shape that the gateway expects."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from shared.domain.errors import Refused
from shared.runtime import web
from shared.runtime.messages import http_request_in_document
from tests.support.api import ApiInMemory, ApiSettings, migration

BATCH = {"instanceIds": ["i-a"]}
HEADERS = {"X-Replank-Operator": "ann", "Content-Type": "application/json", "X-Ca-Request-Id": "G-1"}


def event(method: str, path: str, body: str | None = None, **more: Any) -> dict[str, Any]:
    """The event as help.aliyun.com documents it for functions behind the gateway."""
    return {
        "path": path,
        "httpMethod": method,
        "headers": HEADERS,
        "queryParameters": {},
        "pathParameters": {},
        "body": body,
        "isBase64Encoded": "false",
        **more,
    }


def answered(api: ApiInMemory, document: dict[str, Any]) -> tuple[int, Any]:
    answer = web.handle_request(http_request_in_document(document), api.fakes.ports, ApiSettings(), "R1")
    assert set(answer) == {"isBase64Encoded", "statusCode", "headers", "body"}
    assert all(isinstance(value, str) for value in answer["headers"].values()), "the gateway takes texts only"
    return answer["statusCode"], json.loads(answer["body"])


ENCODED = base64.b64encode(json.dumps(BATCH).encode()).decode()


@pytest.mark.parametrize(
    ("body", "encoded"),
    [(json.dumps(BATCH), False), (json.dumps(BATCH), "false"), (ENCODED, True), (ENCODED, "true"), (ENCODED, "True")],
)
def test_a_batch_is_submitted_by_the_gateways_event(body: str, encoded: Any) -> None:
    api = ApiInMemory()
    status, batch = answered(api, event("POST", "/v1/batches", body, isBase64Encoded=encoded))
    assert (status, batch["createdBy"]) == (201, "ann")


def test_query_and_path_reach_the_operation() -> None:
    api = ApiInMemory()
    api.open_batch(migration("m1"))
    status, found = answered(api, event("GET", "/v1/migrations", queryParameters={"limit": "1", "state": "migrated"}))
    assert (status, [each["migrationId"] for each in found["migrations"]]) == (200, ["m1"])
    assert answered(api, event("GET", "/v1/migrations/m1"))[1]["state"] == "migrated"


@pytest.mark.parametrize("path", ["/v1/migrations/[migrationId]/journal", "/v1/migrations/{migrationId}/journal"])
def test_a_path_as_it_was_defined_is_filled_in(path: str) -> None:
    """The documentation says "request path", but not whether that is the path as sent or the path as the API defines it."""
    api = ApiInMemory()
    api.open_batch(migration("m1"))
    assert answered(api, event("GET", path, pathParameters={"migrationId": "m1"}))[1]["migrationId"] == "m1"
    assert answered(api, event("GET", path, pathParameters={"migrationId": "m/../1"}))[0] == 400
    assert answered(api, event("GET", path))[0] == 400


@pytest.mark.parametrize("empty", [None, "", {}])
def test_what_is_not_there_may_be_empty(empty: Any) -> None:
    document = event("GET", "/v1/risks", body=None if empty == {} else empty, queryParameters=empty or None, pathParameters=None)
    assert answered(ApiInMemory(), document)[0] == 200
    assert answered(ApiInMemory(), {"path": "/v1/risks", "httpMethod": "GET"})[0] == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"isBase64Encoded": "yes"},
        {"isBase64Encoded": 1},
        {"path": 5},
        {"path": None},
        {"httpMethod": ["GET"]},
        {"headers": "a: b"},
        {"queryParameters": [["a", "b"]]},
        {"pathParameters": "m1"},
        {"pathParameters": {"migrationId": 5}},
        {"body": {"a": 1}},
    ],
)
def test_what_is_no_event_of_the_gateway_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        http_request_in_document({**event("GET", "/v1/risks"), **wrong})
    assert caught.value.code == "Event.Invalid"


def test_the_door_is_told_by_the_shape() -> None:
    api = ApiInMemory()
    assert http_request_in_document(event("GET", "/v1/risks"))["door"] == "gateway"
    assert http_request_in_document(api.request("GET", "/risks"))["door"] == "trigger"
    both = {**api.request("GET", "/risks"), **event("GET", "/v1/risks"), "door": "gateway"}
    assert http_request_in_document(both)["door"] == "trigger", "nobody chooses a door by a word"
