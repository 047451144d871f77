"""Debian's Chromium, driven by Playwright, against a local cloud in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cli.run.cloud import RunningCloud
from tests.browser import driving
from tests.browser.person import Person


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser; tests are skipped without it."""
    if driving.MISSING:
        pytest.skip(f"{driving.MISSING}, which `make test-long` installs")
    with driving.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def cloud(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """The product deployed; its time stands until a test moves it."""
    hostile = {"REPLANK_SNAPSHOT_PRICE": "0.12", "REPLANK_CURRENCY": "<script>document.title='owned'</script>"}
    with driving.cloud(tmp_path_factory.mktemp("cloud"), ["cn-hangzhou"], **hostile) as running:
        yield running


@pytest.fixture
def person(chromium: Any, cloud: RunningCloud) -> Iterator[Callable[..., Person]]:
    """``person("Ann", keys=True)``: somebody with a browser of their own; further arguments are Playwright's for the context."""
    made: list[Person] = []

    def make(name: str, *, keys: bool = False, **options: Any) -> Person:
        options = {"locale": "en-GB", "timezone_id": "Asia/Shanghai", "reduced_motion": "reduce", **options}
        page = chromium.new_context(**options).new_page()
        page.set_default_timeout(30_000)
        one = Person(page, driving.url_of(cloud), name, keys)
        made.append(one)
        return one

    yield make
    for each in made:
        each.page.context.close()
    assert [each.strange for each in made if each.strange] == []
    assert [each.violations for each in made if each.violations] == []
