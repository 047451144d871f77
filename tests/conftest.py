"""What holds in every test: whatever the pipeline publishes in the local cloud is checked against its contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from localcloud.eventbridge.publish import Publisher
from shared.domain.events import SOURCE
from tests.support.event_contract import problems_of


@pytest.fixture(autouse=True)
def events_keep_their_contract() -> Iterator[None]:
    """Fails the test in which an event of the pipeline is not what its schema says."""
    problems: list[str] = []
    accept = Publisher.accept

    def checked(self: Publisher, event: dict[str, Any]) -> str:
        if event.get("source") == SOURCE and str(event.get("type", "")).startswith("replank:"):
            problems.extend(problems_of(event))
        return accept(self, event)

    with mock.patch.object(Publisher, "accept", checked):
        yield
    assert problems == []
