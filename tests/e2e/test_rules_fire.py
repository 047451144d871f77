"""Every precheck rule fires in a run of the whole pipeline, but for those that only facts from a file can fire."""

from __future__ import annotations

import json

from shared.domain.prechecks import RULES
from tests.support.rule_fleet import ELSEWHERE, RECORD, fired


def test_every_rule_fires_in_the_pipeline_and_the_record_says_where() -> None:
    found = fired()
    assert {rule.code for rule in RULES} - set(found) == set(ELSEWHERE)
    assert json.loads(RECORD.read_text(encoding="utf-8")) == found, "python -m tests.support.rule_fleet; make docs"
