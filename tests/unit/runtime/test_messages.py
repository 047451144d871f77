"""From bytes to messages: every shape that the platform sends is understood, and no other."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shared.domain.errors import Refused
from shared.runtime.messages import MAX_EVENT_BYTES, MAX_EVENTS, http_request_in_document, messages_in_document, parse_event_json
from tests.support.ports import T0

EVENT = {
    "id": "m1-2-SnapshotReady",
    "source": "replank",
    "specversion": "1.0",
    "type": "replank:Migration:SnapshotReady",
    "subject": "migration/m1",
    "time": "2026-11-23T12:00:00Z",
    "datacontenttype": "application/json;charset=utf-8",
    "data": {"migrationId": "m1"},
    "aliyuneventbusname": "replank",
}


def test_an_event_becomes_one_message() -> None:
    (message,) = messages_in_document(EVENT, "R")
    assert (message.type, message.event_id, message.source) == (EVENT["type"], EVENT["id"], "replank")
    assert (message.data, message.at, message.request_id) == ({"migrationId": "m1"}, T0, "R")


def test_a_list_of_events_base64_data_and_no_data() -> None:
    encoded = base64.b64encode(b'{"migrationId": "m1"}').decode()
    bare = {name: value for name, value in EVENT.items() if name not in ("data", "time")}
    found = messages_in_document([EVENT, {**bare, "data_base64": encoded}, bare], "R")
    assert [each.data for each in found] == [{"migrationId": "m1"}] * 2 + [{}]
    assert found[2].at is None


def test_a_timer_becomes_a_message() -> None:
    (message,) = messages_in_document({"triggerTime": "2026-11-23T12:00:00Z", "triggerName": "tick", "payload": "go"}, "R")
    assert (message.type, message.data, message.at) == ("timer", {"payload": "go", "trigger": "tick"}, T0)


REQUEST = {"version": "v1", "rawPath": "/", "requestContext": {"http": {"method": "GET", "path": "/"}}}


def test_missing_parts_of_a_request_are_filled_in() -> None:
    parts: list[dict[str, Any]] = [{}, {"body": None, "headers": None, "queryParameters": {}}, {"body": "{}"}]
    for more in parts:
        assert http_request_in_document({**REQUEST, **more})["rawPath"] == "/"


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [REQUEST],
        EVENT,
        {},
        {**REQUEST, "requestContext": []},
        {**REQUEST, "requestContext": {"http": "GET"}},
        {**REQUEST, "requestContext": {"http": {"method": 1}}},
        {**REQUEST, "requestContext": {"http": {"path": ["/"]}}},
        {**REQUEST, "rawPath": 5},
        {**REQUEST, "body": {"a": 1}},
        {**REQUEST, "headers": ["a"]},
        {**REQUEST, "queryParameters": "a=b"},
    ],
)
def test_what_is_no_request_is_refused(wrong: Any) -> None:
    with pytest.raises(Refused) as caught:
        http_request_in_document(wrong)
    assert caught.value.code == "Event.Invalid"


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        1,
        "text",
        [],
        [EVENT] * (MAX_EVENTS + 1),
        [EVENT, 3],
        {},
        {**EVENT, "type": ""},
        {**EVENT, "id": 7},
        {**EVENT, "source": "x" * 513},
        {**EVENT, "data": [1]},
        {**EVENT, "data": "text"},
        {**EVENT, "data": {"migrationId": ["m1"]}},
        {**EVENT, "data": {"batchId": 7}},
        {**EVENT, "data": {"content": {"resourceId": "i" * 257}}},
        {**EVENT, "specversion": "2.0"},
        {**EVENT, "specversion": None},
        {"triggerTime": 1, "triggerName": "tick"},
        {"triggerTime": "2026-11-23T12:00:00Z", "triggerName": "x" * 513},
        {**{k: v for k, v in EVENT.items() if k != "data"}, "data_base64": "%%%"},
        {**{k: v for k, v in EVENT.items() if k != "data"}, "data_base64": 7},
    ],
)
def test_what_is_not_understood_is_refused(wrong: Any) -> None:
    with pytest.raises(Refused) as caught:
        messages_in_document(wrong, "R")
    assert caught.value.code == "Event.Invalid"


@pytest.mark.parametrize("wrong", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b" " * (MAX_EVENT_BYTES + 1), b'{"a": "\\ud800"}'])
def test_bytes_that_are_no_json_are_refused(wrong: bytes) -> None:
    with pytest.raises(Refused):
        parse_event_json(wrong, limit=MAX_EVENT_BYTES)


def test_one_event_is_refused_beyond_a_size_that_several_may_have() -> None:
    with pytest.raises(Refused):
        messages_in_document(EVENT, "R", size=MAX_EVENT_BYTES + 1)
    assert len(messages_in_document([EVENT, EVENT], "R", size=MAX_EVENT_BYTES + 1)) == 2


_json = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=9),
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(some.sampled_from(sorted(EVENT)) | some.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=15,
)


@given(_json)
def test_anything_is_messages_or_a_refusal(document: Any) -> None:
    try:
        found = messages_in_document(parse_event_json(json.dumps(document).encode(), limit=MAX_EVENT_BYTES), "R")
    except Refused:
        return
    assert all(message.type and isinstance(message.data, dict) for message in found)
