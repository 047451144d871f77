"""The change board's report: JSON that matches its schema, and a self-contained page that escapes text from guests."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

import pytest

from shared.domain.findings import Assessment, Severity
from shared.domain.migration import MOVING, State
from shared.domain.prechecks import assess
from shared.domain.report import PlanAndOutcome, Report, ReportRow, common_unchecked_findings, verdict_counts
from shared.domain.validation import compare_after_hop
from shared.domain.validation.summary import comparison_rows
from shared.stages.api.report_page import report_html
from tests.support.facts import LINUX, LINUX_GUEST, LINUX_INSTANCE, NOW, with_guest, with_instance

EVIL = "<script>alert('x')</script>\"&"
ROUTE = ("CentOS 7", "Alibaba Cloud Linux 3")
AFTER = replace(LINUX_GUEST, os_id="alinux", os_version="3", os_name=EVIL, kernel="5.10.134", hostname=EVIL)
RESULT = compare_after_hop(LINUX_INSTANCE, LINUX_GUEST, LINUX_INSTANCE, AFTER, LINUX.hop)
REPORT = Report(
    "b-1",
    f"Wave 1 {EVIL}",
    datetime(2026, 9, 1, 4, tzinfo=timezone.utc),
    (
        ReportRow("i-1", "web", ROUTE, "ready", assess(LINUX)),
        ReportRow("i-2", EVIL, ROUTE, "precheck_failed", assess(with_guest(LINUX, hostname=EVIL, memory_available_mib=5))),
        ReportRow("i-3", "spot", ROUTE, "ready", assess(with_instance(LINUX, spot=True, memory_mib=1024), {"Instance.Spot": EVIL})),
        ReportRow(
            "i-4",
            "done",
            ROUTE,
            "validating",
            assess(LINUX),
            RESULT,
            comparison_rows(LINUX_INSTANCE, LINUX_GUEST, LINUX_INSTANCE, AFTER, RESULT),
        ),
        ReportRow("i-5", "new", (), "accepted"),
        ReportRow("i-6", "drill", ROUTE, "failed", assess(LINUX), smc_rollback="SMC rolled back"),
    ),
)


class ParsedPage(HTMLParser):
    """Checks that tags are closed, and collects the URLs that would be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.fetched: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.fetched += [value or "" for name, value in attrs if name == "src" or (tag == "link" and name == "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_alone() -> None:
    page = ParsedPage()
    page.feed(report_html(REPORT))
    assert (page.open, page.fetched) == ([], [])
    assert not page.seen & {"script", "iframe", "img", "link", "object", "form"}
    assert EVIL in page.text
    for words in (
        "Guest.MemoryTooLow",
        "5 MiB available, 600 MiB needed",
        "Before and after",
        "2026-09-01 04:00 UTC",
        "overridden",
    ):
        assert words in page.text


def test_the_worst_come_first() -> None:
    page = report_html(REPORT)
    order = [page.index(f'id="i-{n}"') for n in (4, 2, 3, 5, 1)]
    assert order == sorted(order)


def test_the_summary_counts_instances_by_verdict() -> None:
    assert verdict_counts(REPORT) == {"passed": 1, "blocked": 1, "warnings": 1, "failed": 2, "not assessed": 1}


def test_an_empty_batch_has_a_page_too() -> None:
    assert "no instances" in report_html(replace(REPORT, rows=()))


PASSED, WARNED = Assessment(), Assessment(findings=(replace(RESULT.blocking_findings[0], severity=Severity.WARNING),))
OF_STATE = {
    State.ACCEPTED: ("not assessed", "passed", "warnings", "blocked", "failed"),
    State.PRECHECKING: ("not assessed", "passed", "warnings", "blocked", "failed"),
    State.PRECHECK_FAILED: ("blocked",) * 5,
    State.READY: ("not assessed", "passed", "warnings", "blocked", "failed"),
    **dict.fromkeys(MOVING | {State.WAITING}, ("under way", "under way", "under way", "blocked", "failed")),
    State.MIGRATED: ("not validated", "not validated", "not validated", "blocked", "failed"),
    State.CONFIRMED: ("not validated", "not validated", "not validated", "blocked", "failed"),
    State.COMPLETED: ("not validated", "not validated", "not validated", "blocked", "failed"),
    State.FAILED: ("failed",) * 5,
    State.ROLLING_BACK: ("under way",) * 5,
    State.ROLLED_BACK: ("rolled back",) * 5,
    State.CANCELLED: ("not assessed", "passed", "warnings", "blocked", "failed"),
}
"""By state: no assessment, a passed precheck, one with warnings, one that blocks, a failed validation."""


@pytest.mark.parametrize("state", State)
def test_a_verdict_comes_from_state_and_findings(state: State) -> None:
    given = ((None, None), (PASSED, None), (WARNED, None), (RESULT, None), (PASSED, RESULT))
    rows = [ReportRow("i-1", "web", ROUTE, state.value, before, after) for before, after in given]
    assert tuple(row.verdict for row in rows) == OF_STATE[state]


def test_a_validation_decides_of_what_was_migrated() -> None:
    rows = [ReportRow("i-1", "web", ROUTE, State.MIGRATED.value, WARNED, after) for after in (PASSED, WARNED)]
    assert [row.verdict for row in rows] == ["passed", "warnings"]


def test_nothing_in_the_page_acts() -> None:
    acting = "a\x1b[2J\x9b\u202eb\x00"
    row = ReportRow(acting, acting, (acting,), "ready", Assessment(findings=(replace(RESULT.blocking_findings[0], seen=acting),)))
    page = report_html(Report(acting, acting, REPORT.made_at, (row,)))
    assert not set("\x1b\x9b\u202e\x00") & set(page)


def test_what_no_instance_could_be_checked_for_is_said_once() -> None:
    blind = assess(with_guest(LINUX, firewall=None))
    rows = tuple(ReportRow(f"i-{n}", "", (), "ready", blind) for n in range(3))
    report = Report("b1", "Batch b1", NOW, rows)
    assert [finding.code for finding in common_unchecked_findings(report)] == ["Guest.FirewallActive"]
    assert report_html(report).count("Could not check whether a firewall is running") == 1
    assert {row.verdict for row in rows} == {"passed"}, "what was not checked is no warning"
    one = Report("b1", "Batch b1", NOW, (*rows, ReportRow("i-9", "", (), "ready", assess(LINUX))))
    assert common_unchecked_findings(one) == ()
    assert report_html(one).count("Could not check whether a firewall is running") == 3


def test_the_page_says_what_smc_did_to_the_disks() -> None:
    assert report_html(REPORT).count("Disks after the job that failed: SMC rolled back.") == 1


def test_a_report_shows_what_was_planned_beside_what_happened() -> None:
    planned = (NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=3))
    course = PlanAndOutcome("d" * 32, planned, NOW + timedelta(hours=2), {"migrated": 3, "failed": 1})
    said = dict(course.lines_of_plan_and_outcome)
    assert said["really"].endswith(f"{NOW + timedelta(hours=2):%H:%M} UTC: 1 failed, 3 migrated")
    assert all(f"{each:%H:%M}" in said["finish as planned"] for each in planned)
    page = report_html(replace(REPORT, course=course))
    assert all(value in page for value in said.values())
    assert "Planned and actual" not in report_html(REPORT)


def test_what_is_not_known_of_a_course_is_said_so() -> None:
    assert dict(PlanAndOutcome("", (None, None, None), None, {}).lines_of_plan_and_outcome) == {"really": "under way: no migration"}
    open_end = dict(PlanAndOutcome("", (NOW, NOW, None), None, {"ready": 1}).lines_of_plan_and_outcome)["finish as planned"]
    assert open_end.endswith("to later than can be said)")
