"""What holds wherever the whole pipeline runs: whatever it publishes in the local cloud is checked against its contract."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import settings

from localcloud.eventbridge.publish import Publisher
from shared.domain.events import SOURCE
from tests.simulation.memory import remembered
from tests.support import permissions, shifted_date
from tests.support.event_contract import problems_of

shifted_date.keep_sleep_working()
settings.register_profile("untimed", deadline=None)  # no test asserts a time
settings.load_profile("untimed")

WHOLE = frozenset({"e2e", "simulation"})
"""Folders of tests that run the pipeline itself; the others publish events they made up."""


LONGEST_FILE = "test_package_built.py"
"""This file begins. It takes minutes, and at the end only one process would work on it."""
LONGEST_FIRST = ("simulation", "e2e", "contract", "tidy")
"""Folders of tests, those with the longest files first; the others follow."""


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

    with mock.patch.object(Publisher, "accept", checked), permissions.counted(), remembered():
        yield
    assert problems == []


@pytest.fixture(autouse=True)
def logging_stays_on() -> Iterator[None]:
    """Fails the test that switches logging off for those that follow it."""
    yield
    assert logging.root.manager.disable == logging.NOTSET


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the folders that take longest if several processes share the tests, so that they end at the same time."""
    if hasattr(config, "workerinput"):
        items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if item.path.name == LONGEST_FILE:
        return -1
    folder = item.path.relative_to(item.config.rootpath).parts[1]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what this process noted if it is one of several."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["permissions"] = permissions.gathered()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what one of several processes noted; one that crashed hands over nothing."""
    permissions.add(getattr(node, "workeroutput", {}).get("permissions", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the deployed roles may do and no test of the pipeline made them do, in this run and those that it follows."""
    if "PERMISSIONS_NOTED" in os.environ:
        permissions.keep(Path(os.environ["PERMISSIONS_NOTED"]))
    lines = permissions.report()
    if lines:
        terminalreporter.section("permissions granted and never used")
        for line in lines:
            terminalreporter.write_line(line)
