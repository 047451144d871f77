"""If the guest is changed as a rule's remedy says, the rule passes (tests/field/remedies.json)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.domain.facts import Hop
from shared.domain.prechecks import assess
from shared.probes import parse_probe_answer
from tests.support.facts import LINUX
from tests.support.roots import Root
from tests.unit.probes.test_field_guests import change, root_of

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "field/remedies.json").read_text())


def codes(root: Root, case: dict[str, Any]) -> set[str]:
    """The codes of the rules' findings."""
    guest = parse_probe_answer("linux", root.probe().stdout)
    facts = replace(LINUX, guest=guest, hop=Hop(case.get("release", "centos-7"), case.get("to", "alinux-3")))
    return {finding.code for finding in assess(facts).findings}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['code']}: {json.dumps(case['mended'])[:60]}")
def test_a_remedy_that_was_followed_turns_the_rule_green(case: dict[str, Any], tmp_path: Path) -> None:
    root = root_of({"release": case.get("release", "centos-7"), **case["broken"]}, tmp_path)
    assert case["code"] in codes(root, case)
    change(root, case["mended"])
    assert case["code"] not in codes(root, case)
