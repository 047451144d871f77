"""EventBridge through the real client: control plane, publishing, delivery, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_eventbridge import models as eb
from Tea.exceptions import TeaException

from localcloud import account
from localcloud.core.clock import START, to_ms
from localcloud.core.errors import ApiError
from localcloud.core.hooks import offered
from tests.contract.localcloud.account_support import App, in_process_app
from tools.deployed.application import BUS, ROLE
from tools.deployed.clients import event, eventbridge

ECHO_ARN = "acs:fc:cn-hangzhou:1234567890123456:functions/app-echo"
LEGACY_ARN = "acs:fc:cn-hangzhou:1234567890123456:services/svc.LATEST/functions/app-echo"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with in_process_app(tmp_path) as made:
        yield made


def make_rule(app: App, name: str, pattern: object, **target: object) -> None:
    entry = {"Id": "t", "Type": "acs.fc.function", "Endpoint": ECHO_ARN, **target}
    request = {"EventBusName": BUS, "RuleName": name, "FilterPattern": json.dumps(pattern), "Targets": [entry]}
    account.service(app.cloud, "eventbridge").control.create_rule(request)


def heard(app: App) -> list[Any]:
    return [json.loads(each.result)["event"] for each in app.invocations() if each.source.startswith("eventbridge")]


def test_default_bus_is_there_and_buses_come_and_go(app: App) -> None:
    client = eventbridge(app.cloud)
    names = [bus.event_bus_name for bus in client.list_event_buses(eb.ListEventBusesRequest()).event_buses]
    assert names == ["default", BUS]
    with pytest.raises(TeaException) as caught:
        client.create_event_bus(eb.CreateEventBusRequest(event_bus_name=BUS))
    assert caught.value.code == "EventBusExist"
    client.delete_event_bus(eb.DeleteEventBusRequest(event_bus_name=BUS))
    with pytest.raises(TeaException) as caught:
        client.get_event_bus(eb.GetEventBusRequest(event_bus_name=BUS))
    assert caught.value.code == "EventBusNotExist"


def test_rules_wait_for_their_bus(app: App) -> None:
    rule = eventbridge(app.cloud).get_rule(eb.GetRuleRequest(event_bus_name=BUS, rule_name="to-echo"))
    assert rule.status == "ENABLE"
    assert rule.targets[0].endpoint == ECHO_ARN


def test_a_rule_is_made_read_changed_and_deleted(app: App) -> None:
    client = eventbridge(app.cloud)
    target = eb.TargetEntry(id="a", type="acs.fc.function", endpoint=LEGACY_ARN, push_retry_strategy="BACKOFF_RETRY")
    made = eb.CreateRuleRequest(
        event_bus_name=BUS, rule_name="r1", description="d", status="ENABLE", filter_pattern='{"source":["x"]}', targets=[target]
    )
    client.create_rule(made)
    with pytest.raises(TeaException) as caught:
        client.create_rule(made)
    assert caught.value.code == "EventRuleExisted"
    client.disable_rule(eb.DisableRuleRequest(event_bus_name=BUS, rule_name="r1"))
    client.update_rule(eb.UpdateRuleRequest(event_bus_name=BUS, rule_name="r1", description="new"))
    got = client.get_rule(eb.GetRuleRequest(event_bus_name=BUS, rule_name="r1"))
    assert (got.status, got.description, got.filter_pattern) == ("DISABLE", "new", '{"source":["x"]}')
    more = eb.TargetEntry(id="b", type="acs.fc.function", endpoint=ECHO_ARN)
    client.create_targets(eb.CreateTargetsRequest(event_bus_name=BUS, rule_name="r1", targets=[more]))
    client.delete_targets(eb.DeleteTargetsRequest(event_bus_name=BUS, rule_name="r1", target_ids=["a"]))
    listed = client.list_targets(eb.ListTargetsRequest(event_bus_name=BUS, rule_name="r1", limit=10))
    assert [each.id for each in listed.targets] == ["b"]
    page = client.list_rules(eb.ListRulesRequest(event_bus_name=BUS, limit=1))
    assert (page.total, page.next_token, len(page.rules)) == (2, "1", 1)
    client.delete_rule(eb.DeleteRuleRequest(event_bus_name=BUS, rule_name="r1"))
    with pytest.raises(TeaException) as caught:
        client.get_rule(eb.GetRuleRequest(event_bus_name=BUS, rule_name="r1"))
    assert caught.value.code == "EventRuleNotExisted"


def test_each_event_has_its_own_result(app: App) -> None:
    answer = eventbridge(app.cloud).put_events([event("e1"), event("e2", bus="nowhere"), event("e3", type="other")])
    assert answer.failed_entry_count == 1
    assert [entry.error_code for entry in answer.entry_list] == [None, "EventBusNotExist", None]
    assert [entry.event_id for entry in answer.entry_list] == ["e1", "e2", "e3"]
    app.settle()
    assert [each["id"] for each in heard(app)] == ["e1"]


def test_function_gets_the_whole_envelope(app: App) -> None:
    eventbridge(app.cloud).put_events([event(data={"instance": "i-1"})])
    app.settle()
    (got,) = heard(app)
    assert got["data"] == {"instance": "i-1"}
    assert (got["aliyuneventbusname"], got["aliyunaccountid"], got["aliyunregionid"]) == (BUS, app.cloud.account_id, "cn-hangzhou")
    assert got["aliyunpublishtime"] == "2026-11-23T08:00:00.000Z"
    assert (got["specversion"], got["source"], got["subject"]) == ("1.0", "app", "thing")


def test_pattern_is_tried_without_publishing(app: App) -> None:
    client = eventbridge(app.cloud)
    ask = eb.TestEventPatternRequest(event='{"source":"app"}', event_pattern='{"source":["app"]}')
    assert client.test_event_pattern(ask).result is True
    ask.event_pattern = '{"source":[{"wildcard":"a*"}]}'
    with pytest.raises(TeaException) as caught:
        client.test_event_pattern(ask)
    assert caught.value.code == "InvalidEventPattern"


def test_wrong_secret_unknown_key_and_foreign_token_are_refused(app: App) -> None:
    with pytest.raises(TeaException) as caught:
        eventbridge(app.cloud, secret="wrong").put_events([event()])
    assert caught.value.code == "SignatureDoesNotMatch"
    role = app.cloud.identities.of(f"role:{ROLE}")
    assert role is not None
    eventbridge(app.cloud, role).put_events([event()])
    stolen = type(role)(role.access_key_id, role.access_key_secret, "other", role.principal)
    with pytest.raises(TeaException) as caught:
        eventbridge(app.cloud, stolen).put_events([event()])
    assert caught.value.code == "SecurityTokenInvalid"


def test_role_may_publish_only_where_its_policy_says(app: App) -> None:
    client = eventbridge(app.cloud, app.cloud.identities.of(f"role:{ROLE}"))
    calls: list[Callable[[], Any]] = [
        lambda: client.put_events([event(bus="default")]),
        lambda: client.delete_event_bus(eb.DeleteEventBusRequest(event_bus_name=BUS)),
    ]
    for call in calls:
        with pytest.raises(TeaException) as caught:
            call()
        assert caught.value.code == "AccessDenied"


def test_cloud_services_publish_on_the_default_bus(app: App) -> None:
    client = eventbridge(app.cloud)
    target = eb.TargetEntry(id="a", type="acs.fc.function", endpoint=ECHO_ARN)
    client.create_rule(
        eb.CreateRuleRequest(event_bus_name="default", rule_name="ecs", filter_pattern='{"source":["acs.ecs"]}', targets=[target])
    )
    offered(app.cloud.hooks.emit_event)(
        {"id": "1", "source": "acs.ecs", "type": "ecs:Instance:StateChange", "data": {"state": "Running"}}
    )
    app.settle()
    assert [(each["type"], each["aliyuneventbusname"]) for each in heard(app)] == [("ecs:Instance:StateChange", "default")]


def test_failed_pushes_back_off_then_reach_the_dead_letter_function(app: App) -> None:
    missing = "acs:fc:cn-hangzhou:1234567890123456:functions/not-there"
    make_rule(app, "broken", {"type": ["lost"]}, Endpoint=missing, DeadLetterQueue={"Arn": ECHO_ARN})
    eventbridge(app.cloud).put_events([event("e9", type="lost")])
    app.settle()
    assert heard(app) == []
    app.settle(61_000)
    assert [each["id"] for each in heard(app)] == ["e9"]
    retries_ms = app.invocations()[-1].at_ms - to_ms(START)
    assert 30_000 <= retries_ms <= 60_000


def test_decay_retries_go_on_for_a_day(app: App) -> None:
    missing = "acs:fc:cn-hangzhou:1234567890123456:functions/not-there"
    make_rule(app, "slow", {"type": ["lost"]}, Endpoint=missing, PushRetryStrategy="EXPONENTIAL_DECAY_RETRY")
    app.fc.drop("app-echo")
    eventbridge(app.cloud).put_events([event("e9", type="lost")])
    app.settle(20 * 3600 * 1000)
    deliveries = account.service(app.cloud, "eventbridge").deliveries
    assert deliveries.undeliverable() == []
    app.settle(6 * 3600 * 1000)
    (record,) = deliveries.undeliverable()
    assert (record["event"]["id"], record["attempts"]) == ("e9", 177)


def test_transform_decides_what_the_function_gets(app: App) -> None:
    template = {"ResourceKey": "Body", "Form": "TEMPLATE", "Value": '{"n":"$.data.n"}', "Template": '{"number": ${n}}'}
    make_rule(app, "shaped", {"type": ["t1"]}, ParamList=[template])
    make_rule(app, "path", {"type": ["t2"]}, ParamList=[{"ResourceKey": "Body", "Form": "JSONPATH", "Value": "$.data"}])
    make_rule(app, "fixed", {"type": ["t3"]}, ParamList=[{"ResourceKey": "Body", "Form": "CONSTANT", "Value": "[7]"}])
    eventbridge(app.cloud).put_events([event("1", type="t1"), event("2", type="t2"), event("3", type="t3")])
    app.settle()
    assert heard(app) == [{"number": 1}, {"n": 1}, [7]]


def test_deliveries_can_be_lost_repeated_and_delayed(app: App) -> None:
    plans = {"e1": (), "e2": (0, 5_000), "e3": (1_000,)}
    app.cloud.hooks.plan_delivery = lambda got, rule, target: plans[got["id"]]
    eventbridge(app.cloud).put_events([event("e1"), event("e2"), event("e3")])
    app.settle(10_000)
    assert [each["id"] for each in heard(app)] == ["e2", "e3", "e2"]


def test_fault_rules_lose_repeat_and_delay_too(app: App) -> None:
    common = {"service": "eventbridge", "operation": "Deliver", "principal": "to-echo"}
    kinds: list[dict[str, Any]] = [{"kind": "lose"}, {"kind": "duplicate", "delay_ms": 3_000}, {"kind": "delay", "delay_ms": 2_000}]
    app.cloud.faults.set([{**common, **kind} for kind in kinds])
    eventbridge(app.cloud).put_events([event("e1"), event("e2"), event("e3"), event("e4")])
    app.settle(10_000)
    assert [each["id"] for each in heard(app)] == ["e2", "e4", "e3", "e2"]


def test_a_fault_rule_mixes_up_the_order(app: App) -> None:
    rule = {"service": "eventbridge", "operation": "Deliver", "kind": "reorder", "times": -1, "delay_ms": 5_000}
    app.cloud.faults.set([rule])
    sent = [f"e{number}" for number in range(8)]
    eventbridge(app.cloud).put_events([event(id) for id in sent])
    app.settle(10_000)
    came = [each["id"] for each in heard(app)]
    assert (sorted(came), came == sent) == (sent, False)


def test_throttling_is_429(app: App) -> None:
    app.cloud.faults.set([{"service": "eventbridge", "operation": "putEvents", "kind": "throttle"}])
    with pytest.raises(TeaException) as caught:
        eventbridge(app.cloud).put_events([event()])
    assert caught.value.code == "TooManyRequests"


def test_traces_tell_an_events_way(app: App) -> None:
    client = eventbridge(app.cloud)
    client.put_events([event("e1")])
    app.settle()
    traces = client.query_event_traces(eb.QueryEventTracesRequest(event_bus_name=BUS, event_id="e1")).event_trace_list
    assert [each.action for each in traces] == ["PutEvent", "RuleMatch", "Push"]
    assert traces[2].notify_status == "SUCCESS"
    found = client.query_event_by_event_id(eb.QueryEventByEventIdRequest(event_bus_name=BUS, event_id="e1"))
    assert [each.event_type for each in found.traced_events] == ["app:Thing:Made"]


def test_malformed_requests_are_refused(app: App) -> None:
    client = eventbridge(app.cloud)
    for request, code in (
        (eb.CreateRuleRequest(event_bus_name="no", rule_name="r", filter_pattern="{}"), "EventBusNotExist"),
        (eb.CreateRuleRequest(event_bus_name=BUS, rule_name="a b", filter_pattern="{}"), "InvalidArgument"),
        (eb.CreateRuleRequest(event_bus_name=BUS, rule_name="r", filter_pattern="[]"), "InvalidEventPattern"),
        (eb.CreateRuleRequest(event_bus_name=BUS, rule_name="r", filter_pattern="{}", status="MAYBE"), "InvalidArgument"),
    ):
        request.targets = []
        with pytest.raises(TeaException) as caught:
            client.create_rule(request)
        assert caught.value.code == code


def test_events_over_a_limit_are_refused_one_by_one(app: App) -> None:
    client = eventbridge(app.cloud)
    large = event(data={"text": "x" * 270_000})
    answer = client.put_events([large, event("a:b"), event("-a"), event(type="t" * 64)])
    assert [entry.error_code for entry in answer.entry_list] == ["EventTooLarge", "InvalidCloudEvent", "InvalidCloudEvent", None]
    for events, code in (([event()] * 17, "EventCountExceed"), ([large] * 4, "EntityTooLarge")):
        with pytest.raises(TeaException) as caught:
            client.put_events(events)
        assert caught.value.code == code


def test_quota_of_rules(app: App) -> None:
    for number in range(49):
        make_rule(app, f"r{number}", {"source": ["x"]})
    with pytest.raises(ApiError) as caught:
        make_rule(app, "one-more", {"source": ["x"]})
    assert caught.value.code == "EventRuleCountExceed"


def test_an_event_with_half_a_surrogate_pair_is_refused(app: App) -> None:
    """JSON can express it, but no encoding can represent it. The other events of the batch are published."""
    publisher = account.service(app.cloud, "eventbridge").publisher
    one = {"id": "a", "source": "s", "type": "t"}
    with app.cloud.lock, app.cloud.db.transaction():
        answers = publisher.put([{**one, "subject": "\ud83d"}, one])
    assert [each.get("ErrorCode") for each in answers] == ["InvalidCloudEvent", None]
