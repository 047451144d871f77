"""The documentation as a site: it builds without a warning, and opens without a network."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.repository import ROOT

LOADS = re.compile(r"<(?:script|img|link)[^>]+(?:src|href)=\"(?:https?:)?//[^\"]+")


@pytest.mark.long
def test_the_site_is_built_and_loads_nothing_from_elsewhere() -> None:
    done = subprocess.run(["make", "site"], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list((ROOT / "build/site").rglob("*.html"))
    assert {"index.html", "architecture.html", "events.html"} <= {page.name for page in pages}
    assert [found for page in pages for found in LOADS.findall(page.read_text(encoding="utf-8"))] == []
