"""The command events send: the calls in which it publishes many events."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from Tea.exceptions import TeaException

from cli.events import publish_events
from cli.problem import Problem
from shared.adapters.bus import MAX_BYTES, MAX_ENTRIES


class RecordingAccount:
    """An account whose EventBridge client keeps what it is sent, and refuses the call with the number ``fails``."""

    bus = "replank"

    def __init__(self, fails: int = 0) -> None:
        self.calls: list[list[Any]] = []
        self.fails = fails

    def eventbridge_client(self) -> RecordingAccount:
        return self

    def put_events(self, entries: list[Any]) -> Any:
        self.calls.append(entries)
        if len(self.calls) == self.fails:
            raise TeaException({"code": "TooManyRequests", "message": "too many", "data": {}})
        return SimpleNamespace(failed_entry_count=0, entry_list=[])


def made(count: int, size: int = 1) -> list[dict[str, Any]]:
    return [{"id": f"e{number}", "source": "s", "type": "t", "data": "x" * size} for number in range(count)]


def test_a_call_carries_at_most_what_eventbridge_accepts() -> None:
    account: Any = RecordingAccount()
    assert publish_events(account, made(40)) == [f"e{number}" for number in range(40)]
    assert [len(each) for each in account.calls] == [MAX_ENTRIES, MAX_ENTRIES, 8]


def test_large_events_are_sent_in_more_calls() -> None:
    account: Any = RecordingAccount()
    publish_events(account, made(10, size=MAX_BYTES // 4))
    assert [len(each) for each in account.calls] == [3, 3, 3, 1]


def test_a_refused_call_says_what_was_published_before() -> None:
    account: Any = RecordingAccount(fails=2)
    with pytest.raises(Problem) as caught:
        publish_events(account, made(20))
    assert caught.value.message.endswith("The first 16 of 20 events were published, and no event from e16 on.")
