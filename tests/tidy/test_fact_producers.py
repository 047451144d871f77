"""Every fact that a rule looks at has a producer: an adapter, a stage or a probe that fills it."""

from __future__ import annotations

import re
from dataclasses import fields

from shared.domain.facts import AccountFacts, DiskFacts, InstanceFacts
from shared.domain.guest import BootFacts, LinuxFacts, WindowsFacts
from tests.support.repository import ROOT

KINDS = (AccountFacts, DiskFacts, InstanceFacts, BootFacts, LinuxFacts, WindowsFacts)
PRODUCERS = ("shared/adapters", "shared/probes", "shared/stages")


def test_every_fact_has_a_producer() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for folder in PRODUCERS for path in (ROOT / folder).rglob("*.py"))
    filled = set(re.findall(r"\b(\w+)=", text))
    asked = {
        field.name
        for kind in (AccountFacts, DiskFacts, InstanceFacts, BootFacts, LinuxFacts, WindowsFacts)
        for field in fields(kind)
    }
    assert asked - filled == set()
