"""What holds wherever the whole pipeline runs: whatever it publishes in the local cloud is checked against its contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from localcloud.eventbridge.publish import Publisher
from shared.domain.events import SOURCE
from tests.support import permissions, shifted_date
from tests.support.event_contract import problems_of

shifted_date.keep_sleep_working()

WHOLE = frozenset({"e2e", "simulation"})
"""Folders of tests that run the pipeline itself; the others publish events they made up."""


@pytest.fixture(autouse=True)
def events_keep_their_contract(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails the test in which an event of the pipeline is not what its schema says."""
    if WHOLE.isdisjoint(request.path.parts):
        yield
        return
    problems: list[str] = []
    accept = Publisher.accept

    def checked(self: Publisher, event: dict[str, Any], **options: Any) -> str:
        if event.get("source") == SOURCE and str(event.get("type", "")).startswith("replank:"):
            problems.extend(problems_of(event))
        return accept(self, event, **options)

    with mock.patch.object(Publisher, "accept", checked), permissions.counted():
        yield
    assert problems == []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the deployed roles may do and no test of the pipeline made them do."""
    lines = permissions.report()
    if lines:
        terminalreporter.section("permissions granted and never used in this run")
        for line in lines:
            terminalreporter.write_line(line)
