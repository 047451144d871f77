"""HTTP rules of the API: a version in the path, ETags, conditional requests, HEAD, declared body types, no repeated fields."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.runtime import http_rules
from tests.support.api import ApiInMemory, migration

BATCH = {"instanceIds": ["i-a"]}


@pytest.fixture
def api() -> ApiInMemory:
    made = ApiInMemory()
    made.open_batch(migration("m1"))
    return made


def sent(api: ApiInMemory, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **more: Any) -> Any:
    request = api.request(method, path, body, **more)
    return api.answered({**request, "headers": {**request["headers"], **(headers or {})}})


@pytest.mark.parametrize("path", ["/risks", "/batches/b0", "/migrations/m1/journal", "/migrations/none"])
def test_an_old_path_works_and_points_to_the_new_one(api: ApiInMemory, path: str) -> None:
    new, old = (api.answered({**api.request("GET", path), "rawPath": at}) for at in (f"/v1{path}", path))
    assert (old["statusCode"], "Deprecation" in new["headers"]) == (new["statusCode"], False)
    assert old["headers"]["Deprecation"] == f"@{http_rules.DEPRECATED_SINCE}"
    depth = path.count("/") - 1
    assert old["headers"]["Link"] == f'<{"../" * depth}v1{path}>; rel="successor-version"'


def test_a_version_that_is_not_there_yet_is_not_found(api: ApiInMemory) -> None:
    assert api.answered({**api.request("GET", "/"), "rawPath": "/v2/risks"})["statusCode"] == 404
    assert api.answered({**api.request("GET", "/"), "rawPath": "/v1"})["statusCode"] == 404


def test_the_document_is_the_same_with_and_without_a_version_and_no_old_path(api: ApiInMemory) -> None:
    answers = [api.answered({**api.request("GET", "/"), "rawPath": path}) for path in ("/openapi.json", "/v1/openapi.json")]
    assert [each["statusCode"] for each in answers] == [200, 200]
    assert not any("Deprecation" in each["headers"] for each in answers)
    servers = [json.loads(each["body"])["servers"][0]["url"] for each in answers]
    assert servers == [".", ".."], "relative to where the document is"


@pytest.mark.parametrize("path", ["/risks", "/migrations", "/migrations/m1", "/batches/b0", "/hold", "/migrations/m1/report"])
def test_what_the_caller_has_already_is_not_sent_again(api: ApiInMemory, path: str) -> None:
    first = sent(api, "GET", path)
    tag = first["headers"]["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = sent(api, "GET", path, headers={"If-None-Match": known})
        assert (again["statusCode"], again["body"], again["headers"]["ETag"]) == (304, "", tag)
    assert sent(api, "GET", path, headers={"If-None-Match": '"other"'})["statusCode"] == 200


def test_the_tag_of_a_migration_is_what_its_acts_take(api: ApiInMemory) -> None:
    seen = sent(api, "GET", "/migrations/m1")["headers"]["ETag"]
    assert seen.startswith('"7-')
    done = sent(api, "POST", "/migrations/m1/confirmation", headers={"If-Match": seen})
    assert (done["statusCode"], json.loads(done["body"])["state"]) == (200, "confirmed")
    assert sent(api, "GET", "/migrations/m1")["headers"]["ETag"] != seen
    stale = sent(api, "POST", "/migrations/m1/rollback", headers={"If-Match": seen})
    assert (stale["statusCode"], json.loads(stale["body"])["Code"]) == (412, "Migration.Moved")


def test_a_tag_changes_with_anything_in_the_answer(api: ApiInMemory) -> None:
    """Not only with the version: what a migration waits for can change without a new version."""
    before = sent(api, "GET", "/hold")["headers"]["ETag"]
    sent(api, "POST", "/hold", {"why": "fire drill"})
    assert sent(api, "GET", "/hold")["headers"]["ETag"] != before


@pytest.mark.parametrize("path", ["/risks", "/migrations/m1", "/migrations/none", "/openapi.json"])
def test_head_is_get_without_the_body(api: ApiInMemory, path: str) -> None:
    asked, got = sent(api, "HEAD", path), sent(api, "GET", path)
    assert (asked["statusCode"], asked["body"], asked["headers"]) == (got["statusCode"], "", got["headers"])


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/batches", "GET, HEAD, POST"), ("DELETE", "/risks", "GET, HEAD"), ("HEAD", "/migrations/m1/retry", "POST")],
)
def test_a_wrong_method_is_told_the_right_ones(api: ApiInMemory, method: str, path: str, allowed: str) -> None:
    answer = sent(api, method, path)
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, allowed)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=gbk", "json"])
def test_a_body_that_is_not_declared_as_json_is_refused(api: ApiInMemory, kind: str) -> None:
    """A page of another site can send forms and plain text without permission, but not JSON."""
    rows = len(api.fakes.batches.rows)
    answer = sent(api, "POST", "/batches", BATCH, {"Content-Type": kind})
    assert (answer["statusCode"], json.loads(answer["body"])["Code"]) == (415, "ContentType.NotSupported")
    assert len(api.fakes.batches.rows) == rows


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'])
def test_a_body_that_is_declared_as_json_is_read(api: ApiInMemory, kind: str) -> None:
    assert sent(api, "POST", "/batches", BATCH, {"Content-Type": kind})["statusCode"] == 201


def test_an_act_without_a_body_needs_no_type(api: ApiInMemory) -> None:
    assert sent(api, "POST", "/migrations/m1/confirmation", headers={"Content-Type": ""})["statusCode"] == 200


@pytest.mark.parametrize("value", ["5,5", "5,6", ["5", "6"], ["5"], {"a": "5"}, 5, None])
def test_a_parameter_is_given_once(api: ApiInMemory, value: Any) -> None:
    status, answer = api.call("GET", "/batches", query={"limit": value})
    assert (status, answer["Code"], answer["Message"].partition(":")[0]) == (400, "Request.Invalid", "limit")


@pytest.mark.parametrize(
    "raw",
    [
        '{"instanceIds": ["i-a"], "instanceIds": ["i-b"]}',
        '{"instanceIds": ["i-a"], "policy": {"maxMoving": 1, "maxMoving": 9}}',
    ],
)
def test_a_field_is_given_once(api: ApiInMemory, raw: str) -> None:
    request = {**api.request("POST", "/batches"), "body": raw}
    status, answer = api.handled(request)
    assert (status, answer["Code"]) == (400, "Request.Invalid")
    assert "must be given once" in answer["Message"]


@pytest.mark.parametrize("other", ["x-replank-operator", "X-REPLANK-OPERATOR"])
def test_an_operator_is_named_once(api: ApiInMemory, other: str) -> None:
    answer = sent(api, "POST", "/batches", BATCH, {other: "bob"})
    assert answer["statusCode"] == 400
    assert len(api.fakes.batches.rows) == 1
