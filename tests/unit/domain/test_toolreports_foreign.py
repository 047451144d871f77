"""Reports and logs modelled on public ones (samples/README.md names each source), parsed by our readers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain.findings import Severity
from shared.domain.toolreports.failures import findings_of_report, findings_that_stop_tool, first_error_line
from tests.unit.domain.samples import foreign


def leapp(*entries: dict[str, Any]) -> str:
    return json.dumps({"leapp_run_id": "r", "entries": list(entries)})


@pytest.mark.parametrize("entry", [foreign.ERROR_120, foreign.ERROR_110], ids=["groups", "tags"])
def test_an_actor_of_leapp_that_failed_stops_the_upgrade_in_every_schema(entry: dict[str, Any]) -> None:
    """Before version 1.2 the group "error" is listed as a tag, because only two groups are listed as flags."""
    (found,) = findings_that_stop_tool(findings_of_report("leapp", leapp(foreign.NO_MARKS, entry)))
    assert found.title == "Packages for the target cannot be installed"


def test_an_entry_without_any_mark_is_a_risk_and_stops_nothing() -> None:
    (found,) = findings_of_report("leapp", leapp(foreign.NO_MARKS))
    assert found.severity is Severity.WARNING


def test_the_summary_of_an_error_is_read_and_not_shown_as_json() -> None:
    found = findings_of_report("leapp", leapp(foreign.ERROR_120))[0]
    assert found.seen == "The proxy may be wrong. Curl error (56): the peer sends nothing"
    assert found.remedy == "Correct the proxy in /etc/dnf/dnf.conf."


def test_a_summary_that_only_looks_like_json_is_kept() -> None:
    for text in ("{not json", "[1]", '{"details": 1}', '"x"'):
        assert findings_of_report("leapp", leapp({**foreign.NO_MARKS, "summary": text}))[0].seen == text


def test_a_known_failure_in_a_report_without_a_remedy_has_ours() -> None:
    found = findings_of_report("leapp", leapp(foreign.NO_SPACE))[0]
    assert found.remedy.startswith("Free the space")
    found = findings_of_report("leapp", leapp(foreign.WITHOUT_REMEDY))[0]
    assert found.remedy.startswith("Read /var/log/leapp/leapp-report.txt")


def test_a_playbook_is_no_hint() -> None:
    found = findings_of_report("leapp", leapp(foreign.WITH_PLAYBOOK))[0]
    assert (found.remedy, found.command) == ("Run: grubby --remove-args=old", "grubby --remove-args=old")


def test_convert2rhel_of_format_1_0_and_its_empty_texts() -> None:
    found = findings_of_report("convert2rhel", json.dumps(foreign.CONVERT2RHEL_10))
    assert [(each.severity, each.title) for each in found] == [
        (Severity.ERROR, "The running kernel is not the newest (IS_LOADED_KERNEL_LATEST::INVALID_KERNEL_VERSION)"),
        (Severity.ERROR, "Repositories cannot be turned off (SUBSCRIBE_SYSTEM::FAILED_TO_DISABLE)"),
        (Severity.WARNING, "Packages are out of date (PACKAGE_UPDATES::PACKAGE_NOT_UP_TO_DATE_MESSAGE)"),
        (Severity.WARNING, "Skipped (ENSURE_KERNEL_MODULES_COMPATIBILITY::SKIP)"),
        (Severity.INFO, "Packages were removed (REMOVE_EXCLUDED_PACKAGES::EXCLUDED_PACKAGES_REMOVED)"),
    ]
    assert found[0].remedy == "Update the kernel: 1. install it 2. restart"
    assert found[1].remedy.startswith("Read /var/log/convert2rhel/")
    assert "N/A" not in found[1].seen


def test_the_state_file_of_centos2anolis_tells_of_a_failure_only() -> None:
    (found,) = findings_of_report("centos2anolis", json.dumps(foreign.CENTOS2ANOLIS))
    assert (found.title, found.seen) == ("install epel-release (error 103)", "Error: No package epel-release available.")
    assert found.remedy.startswith("Enable the repositories")
    for text in ('{"Progress": 40, "ErrorCode": 0}', "{}", "[]", "", '{"ErrorCode": true}', '{"ErrorCode": "x"}'):
        assert findings_of_report("centos2anolis", text) == ()


@pytest.mark.parametrize(("log", "says"), foreign.LOGS)
def test_the_first_error_of_a_log_says_what_is_wrong(log: str, says: str) -> None:
    assert first_error_line(log) == says
