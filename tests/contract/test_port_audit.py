"""The audit on the local cloud's Tablestore: lines are added, completed once, listed by day, and survive a lost answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.domain.audit import AuditOutcome, AuditRequest
from shared.domain.errors import Refused
from tests.support.ports import T0, Bench, bench

ASKED = AuditRequest(T0, "张三", "verified", "https://id.test", "1001", "trigger", "hold", "", '{"why":"storm"}', request_id="R1")
TODAY = T0.date()


@pytest.fixture
def made() -> Iterator[Bench]:
    with bench("api") as found:
        yield found


def test_a_line_is_asked_then_answered_once(made: Bench) -> None:
    audit = made.ports.audit
    entry = audit.begin_audit_entry(ASKED)
    assert audit.audit_line_page(TODAY, TODAY, limit=10, token="").lines[0].answered is None
    audit.complete_audit_entry(entry, AuditOutcome(T0, 200, after="held 1"))
    audit.complete_audit_entry(entry, AuditOutcome(T0, 500, "Other.Code"))
    (line,) = audit.audit_line_page(TODAY, TODAY, limit=10, token="").lines
    assert (line.entry, line.asked) == (entry, ASKED)
    assert line.answered == AuditOutcome(T0, 200, after="held 1")


def test_a_request_that_comes_twice_makes_two_lines(made: Bench) -> None:
    assert made.ports.audit.begin_audit_entry(ASKED) != made.ports.audit.begin_audit_entry(ASKED)
    assert len(made.ports.audit.audit_line_page(TODAY, TODAY, limit=10, token="").lines) == 2


def test_a_lost_answer_loses_no_line(made: Bench) -> None:
    made.faults({"service": "tablestore", "operation": "PutRow", "kind": "drop_after", "times": 1})
    entry = made.ports.audit.begin_audit_entry(ASKED)
    made.ports.audit.complete_audit_entry(entry, AuditOutcome(T0, 200))
    answered = [line.answered for line in made.ports.audit.audit_line_page(TODAY, TODAY, limit=10, token="").lines]
    assert AuditOutcome(T0, 200) in answered


def test_lines_come_newest_first_page_by_page_of_the_days_asked_for(made: Bench) -> None:
    audit = made.ports.audit
    for number in range(7):
        audit.begin_audit_entry(replace(ASKED, at=T0 - timedelta(days=number), who=str(number), request_id=f"R{number}"))
    found, token = [], ""
    while True:
        page = audit.audit_line_page(TODAY - timedelta(days=5), TODAY - timedelta(days=1), limit=2, token=token)
        found += [line.asked.who for line in page.lines]
        token = page.next_token
        if not token:
            break
    assert found == ["1", "2", "3", "4", "5"]
    assert audit.audit_line_page(date(2020, 1, 1), date(2020, 1, 2), limit=2, token="").lines == ()


def test_a_token_of_another_listing_is_refused(made: Bench) -> None:
    with pytest.raises(Refused):
        made.ports.audit.audit_line_page(TODAY, TODAY, limit=2, token="WyJhIl0")
