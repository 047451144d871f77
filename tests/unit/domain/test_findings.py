"""Findings and assessments: which ones block, what is stored, and that a stored one can be read again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.codec import DocumentInvalid
from shared.domain.findings import Assessment, Finding, Severity, sorted_assessment

FINDINGS = st.builds(
    Finding,
    code=st.sampled_from(["A.B", "C.D", "E.F"]),
    severity=st.sampled_from(Severity),
    title=st.text(max_size=10),
    seen=st.text(max_size=10),
    why=st.text(max_size=10),
    remedy=st.text(max_size=10),
    command=st.text(max_size=10),
)


@given(st.lists(FINDINGS, max_size=6), st.dictionaries(st.sampled_from(["A.B", "C.D"]), st.text(max_size=3)))
@settings(max_examples=100)
def test_assessments_survive_storage(findings: list[Finding], overrides: dict[str, str]) -> None:
    result = sorted_assessment(findings, overrides)
    stored = json.loads(json.dumps(result.to_json()))
    assert Assessment.from_json(stored) == result
    assert stored["blocked"] == result.is_blocked


@given(st.lists(FINDINGS, max_size=6))
@settings(max_examples=100)
def test_errors_block_whatever_is_overridden(findings: list[Finding]) -> None:
    result = sorted_assessment(findings, {"A.B": "yes", "C.D": "yes", "E.F": "yes"})
    assert result.is_blocked == any(f.severity is Severity.ERROR for f in findings)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "assessment"),
        ({"findings": {}}, "assessment.findings"),
        ({"findings": [{"code": "A.B"}]}, "assessment.findings[0].severity"),
        ({"findings": [{"code": "A.B", "severity": "fatal"}]}, "assessment.findings[0].severity"),
        ({"overrides": []}, "assessment.overrides"),
    ],
)
def test_what_is_stored_wrongly_is_named(document: object, field: str) -> None:
    with pytest.raises(DocumentInvalid) as caught:
        Assessment.from_json(document)
    assert caught.value.field == field
