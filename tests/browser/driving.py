"""Starts Debian's Chromium and a local cloud at which people sign in."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from cli.bootstrap import create_bus_if_missing
from cli.run.cloud import RunningCloud

PACKAGES = Path(__file__).resolve().parents[2] / ".venv" / "browser"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
MISSING = "" if CHROMIUM and (PACKAGES / "playwright").is_dir() else "needs chromium, and the packages of requirements/browser.txt"
"""Why no browser can be driven here; empty if one can."""
SETTINGS = {
    "REPLANK_OIDC_ISSUER": "{url}/oidc",
    "REPLANK_OIDC_AUDIENCE": "replank",
    "REPLANK_ACT_TRUST": '{"submitBatch": "claimed"}',
    "REPLANK_CONSOLE_TICKETS": "",
    "REPLANK_CONSOLE_KEY": "k" * 40,
}
"""People sign in at the local cloud's provider, as they do at RAM's."""


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser, as Playwright's object."""
    sys.path.append(str(PACKAGES))
    driving = importlib.import_module("playwright.sync_api")  # not there on every machine, so nobody checks its types
    with driving.sync_playwright() as playwright:
        # Tests run as root in containers, where Chromium's own sandbox cannot start; the pages are ours.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def cloud(state: Path, regions: list[str], **more: str) -> Iterator[RunningCloud]:
    """The product deployed, with ``more`` settings; its time stands until it is moved."""
    without_proxy = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with mock.patch.dict(os.environ, without_proxy, clear=True):
        running = RunningCloud.start(state, 0, regions, settings={**SETTINGS, **more})
        try:
            create_bus_if_missing(running.account)
            yield running
        finally:
            running.stop()


def url_of(running: RunningCloud) -> str:
    """Where browsers find it."""
    return str(running.ready["admin"]).partition("/_localcloud")[0]
