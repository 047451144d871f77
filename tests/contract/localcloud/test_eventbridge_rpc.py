"""EventBridge, version 2020-04-01, through the generic Tea client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_openapi_util.client import Client as OpenApiUtil
from alibabacloud_tea_openapi import models as om
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_util import models as um
from Tea.exceptions import TeaException

from tests.contract.localcloud.account_support import App, in_process_app
from tools.deployed.application import BUS, ROLE

ARN = "acs:fc:cn-hangzhou:1234567890123456:functions/app-echo"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with in_process_app(tmp_path) as made:
        yield made


def call(app: App, action: str, key: Any = None, **params: Any) -> Any:
    key = key or app.cloud.owner
    config = om.Config(access_key_id=key.access_key_id, access_key_secret=key.access_key_secret, security_token=key.token or None)
    config.endpoint, config.protocol = "127.0.0.1:1", "http"
    described = om.Params(
        action=action,
        version="2020-04-01",
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    body = {name: json.dumps(value) if isinstance(value, (list, dict)) else value for name, value in params.items()}
    in_body = action == "PutEvents"
    request = om.OpenApiRequest(query=None if in_body else OpenApiUtil.query(body), body=body if in_body else None)
    return Client(config).call_api(described, request, um.RuntimeOptions())["body"]


def entry(id: str, type: str = "app:Thing:Made") -> dict[str, Any]:
    fields = {"Id": id, "Source": "app", "Type": type, "SpecVersion": "1.0", "DataContentType": "application/json"}
    return {**fields, "Data": '{"n": 2}'}


def test_events_reach_the_function(app: App) -> None:
    answer = call(app, "PutEvents", EventBusName=BUS, EventList=[entry("e1"), {"Nonsense": 1}])
    assert answer["Success"] is True
    assert answer["Data"]["FailedEntryCount"] == 1
    app.settle()
    (got,) = [json.loads(run.result)["event"] for run in app.invocations()]
    assert (got["id"], got["data"]) == ("e1", {"n": 2})


def test_rule_with_dead_letter_queue(app: App) -> None:
    target = {"Id": "t", "Type": "acs.fc.function", "Endpoint": ARN.replace("echo", "none"), "DeadLetterQueue": {"Arn": ARN}}
    made = call(app, "CreateRule", EventBusName=BUS, RuleName="r", FilterPattern='{"type":["lost"]}', EventTargets=[target])
    assert made["Data"]["RuleARN"].endswith("eventbus/replank/rule/r")
    got = call(app, "GetRule", EventBusName=BUS, RuleName="r")["Data"]
    assert got["Targets"] == [target]
    call(app, "PutEvents", EventBusName=BUS, EventList=[entry("e2", "lost")])
    app.settle(61_000)
    assert [json.loads(run.result)["event"]["id"] for run in app.invocations() if run.source == "eventbridge"] == ["e2"]


def test_errors_tolerance_none_stops_the_rule(app: App) -> None:
    target = {"Id": "t", "Type": "acs.fc.function", "Endpoint": ARN.replace("echo", "none"), "ErrorsTolerance": "NONE"}
    call(app, "CreateRule", EventBusName=BUS, RuleName="r", FilterPattern='{"type":["lost"]}', EventTargets=[target])
    call(app, "PutEvents", EventBusName=BUS, EventList=[entry("e3", "lost")])
    app.settle(61_000)
    assert call(app, "GetRule", EventBusName=BUS, RuleName="r")["Data"]["Status"] == "DISABLE"


def test_a_wrong_rpc_call_gets_the_real_error_code(app: App) -> None:
    role = app.cloud.identities.of(f"role:{ROLE}")
    for arguments, code in (
        ({"action": "GetEventBus", "EventBusName": "none"}, "EventBusNotExist"),
        ({"action": "GetEventBus"}, "MissingParameter"),
        ({"action": "GetEventBuss"}, "InvalidAction.NotFound"),
        ({"action": "CreateRule", "EventBusName": BUS, "RuleName": "r", "FilterPattern": "x"}, "InvalidEventPattern"),
        ({"action": "DeleteEventBus", "EventBusName": BUS, "key": role}, "Forbidden.RAM"),
    ):
        with pytest.raises(TeaException) as caught:
            call(app, **arguments)
        assert caught.value.code == code


def test_both_wires_see_the_same_rules(app: App) -> None:
    rules = call(app, "ListRules", EventBusName=BUS)["Data"]
    assert [rule["RuleName"] for rule in rules["Rules"]] == ["to-echo"]
    buses = call(app, "ListEventBuses", Limit=1)["Data"]
    assert (buses["Total"], buses["NextToken"]) == (2, "1")
    assert call(app, "TestEventPattern", Event='{"a":1}', EventPattern='{"a":[1]}')["Data"] == {"Result": True}


def test_unknown_parameters_are_refused_unless_lenient(app: App) -> None:
    with pytest.raises(TeaException) as caught:
        call(app, "GetEventBus", EventBusName=BUS, EventBusNme="x")
    assert caught.value.code == "UnknownParameter"
    app.cloud.hooks.strict = False
    assert call(app, "GetEventBus", EventBusName=BUS, EventBusNme="x")["Data"]["EventBusName"] == BUS
