"""Debian's Chromium, driven by Playwright, against a local cloud in a process of its own."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.bootstrap import ensure_bus
from cli.run.cloud import RunningCloud
from tests.browser.person import Person

PACKAGES = Path(__file__).resolve().parents[2] / ".venv" / "browser"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
SETTINGS = {
    "REPLANK_OIDC_ISSUER": "{url}/oidc",
    "REPLANK_OIDC_AUDIENCE": "replank",
    "REPLANK_ACT_TRUST": '{"submitBatch": "claimed"}',
    "REPLANK_CONSOLE_TICKETS": "",
    "REPLANK_CONSOLE_KEY": "k" * 40,
}
"""People sign in at the local cloud's provider, as they do at RAM's."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser; tests are skipped without it."""
    if not CHROMIUM or not (PACKAGES / "playwright").is_dir():
        pytest.skip("needs chromium, and the packages that `make test-long` installs into .venv/browser")
    sys.path.append(str(PACKAGES))
    driving = importlib.import_module("playwright.sync_api")  # not there on every machine, so nobody checks its types
    with driving.sync_playwright() as playwright:
        # Tests run as root in containers, where Chromium's own sandbox cannot start; the pages are ours.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """The product deployed; its time stands until a test moves it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        running = RunningCloud.start(tmp_path_factory.mktemp("cloud"), 0, ["cn-hangzhou"], settings=SETTINGS)
        try:
            ensure_bus(running.account)
            yield running
        finally:
            running.stop()


@pytest.fixture
def person(chromium: Any, cloud: RunningCloud) -> Iterator[Callable[..., Person]]:
    """``person("Ann", keys=True)``: somebody with a browser of their own; further arguments are Playwright's for the context."""
    made: list[Person] = []

    def make(name: str, *, keys: bool = False, **options: Any) -> Person:
        options = {"locale": "en-GB", "timezone_id": "Asia/Shanghai", "reduced_motion": "reduce", **options}
        page = chromium.new_context(**options).new_page()
        page.set_default_timeout(30_000)
        one = Person(page, cloud.ready["admin"].partition("/_localcloud")[0], name, keys)
        made.append(one)
        return one

    yield make
    for each in made:
        each.page.context.close()
    assert [each.strange for each in made if each.strange] == []
    assert [each.violations for each in made if each.violations] == []
