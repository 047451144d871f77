"""Any input to EventBridge, Function Compute and HTTP triggers gets an answer, and a refused call changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.core.http import Request
from localcloud.eventbridge.operations import OPERATIONS
from localcloud.wire import eventbridge_sign, fc_sign
from tests.contract.localcloud.account_support import App, in_process_app

QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = [
    "EventBusName",
    "RuleName",
    "FilterPattern",
    "Targets",
    "Limit",
    "NextToken",
    "Status",
    "Event",
    "EventPattern",
    "EventId",
    "Id",
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.just("replank"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)
BODIES = st.binary(max_size=60) | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5).map(
    lambda value: json.dumps(value).encode()
)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with in_process_app(tmp_path) as made:
        yield made


def signed_event_request(app: App, operation: str, body: bytes) -> Request:
    headers = {"date": formatdate(usegmt=True), "content-type": "application/json"}
    request = Request("POST", f"/openapi/{operation}", headers, body)
    signature = eventbridge_sign.signature(request, app.cloud.owner.access_key_secret)
    return Request("POST", request.target, {**headers, "authorization": f"acs:{app.cloud.owner.access_key_id}:{signature}"}, body)


def signed_function_request(app: App, method: str, path: str, body: bytes) -> Request:
    headers = {"date": formatdate(usegmt=True), "content-type": "application/json"}
    request = Request(method, path, headers, body)
    signature = fc_sign._sign(request, app.cloud.owner.access_key_secret, fc_sign.resources(request)[0])
    return Request(method, path, {**headers, "authorization": f"FC {app.cloud.owner.access_key_id}:{signature}"}, body)


def state(app: App) -> list[Any]:
    sql = app.cloud.db.sql
    return (
        sql.execute("SELECT kind, id, doc FROM docs").fetchall() + sql.execute("SELECT due_ms, kind, payload FROM jobs").fetchall()
    )


@QUICK
@given(operation=st.sampled_from([*OPERATIONS, "putEvents", "nonsense"]), body=BODIES)
def test_a_refused_event_operation_changes_nothing(app: App, operation: str, body: bytes) -> None:
    before = state(app)
    answer = app.cloud.handle(signed_event_request(app, operation, body))
    fields = json.loads(answer.body)
    if answer.status != 200:
        assert 400 <= answer.status < 500
        assert {"requestId", "code", "message"} <= set(fields)
        assert state(app) == before


@QUICK
@given(
    events=st.lists(
        st.dictionaries(st.sampled_from(["id", "source", "type", "data", "time", "aliyuneventbusname"]), VALUES), max_size=4
    )
)
def test_every_published_event_gets_an_entry_in_the_answer(app: App, events: list[Any]) -> None:
    answer = app.cloud.handle(signed_event_request(app, "putEvents", json.dumps(events).encode()))
    assert answer.status in (200, 400)
    if answer.status == 200:
        assert len(json.loads(answer.body)["EntryList"]) == len(events)
    app.settle()


@QUICK
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=st.sampled_from(
        [
            "/2016-08-15/services/s/functions/app-echo/invocations",
            "/2023-03-30/functions/app-dead",
            "/2023-03-30/functions",
            "/2016-08-15/services",
            "/http/app-dead/%zz/..//a?b=%ff&b",
            "/http/app-dead",
            "/http/",
            "/2023-03-30/functions/%2e%2e/invocations",
        ]
    ),
    body=st.binary(max_size=40),
)
def test_no_request_to_a_function_breaks_the_cloud(app: App, method: str, path: str, body: bytes) -> None:
    answer = app.cloud.handle(signed_function_request(app, method, path, body))
    assert answer.status < 500 or answer.status == 502


@QUICK
@given(
    headers=st.dictionaries(
        st.sampled_from(["authorization", "date", "x-acs-security-token", "x-acs-version"]), st.text(max_size=30)
    )
)
def test_an_unsigned_request_is_refused_and_changes_nothing(app: App, headers: dict[str, str]) -> None:
    before = state(app)
    for target in ("/openapi/createEventBus", "/2023-03-30/functions", "/http/app-echo/x"):
        answer = app.cloud.handle(Request("POST", target, headers, b'{"EventBusName":"x"}'))
        assert 400 <= answer.status < 500
    assert state(app) == before
