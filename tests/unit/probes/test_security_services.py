"""Which Windows services the probe recognises as third-party security programs."""

from __future__ import annotations

import json
import re

import pytest

from shared.probes import probe_script
from tests.support.repository import ROOT

NAMES: dict[str, list[str]] = json.loads((ROOT / "tests/field/security-services.json").read_text(encoding="utf-8"))


def pattern() -> re.Pattern[str]:
    """The regular expression in the script; -match ignores case."""
    found = re.search(r"\$known = '([^']+)'", probe_script("windows"))
    assert found
    return re.compile(found[1], re.IGNORECASE)


@pytest.mark.parametrize("name", NAMES["seen"])
def test_sees_a_security_program(name: str) -> None:
    assert pattern().search(name)


@pytest.mark.parametrize("name", NAMES["not seen"])
def test_sees_nothing_in_other_services(name: str) -> None:
    assert not pattern().search(name)
