"""The tools' own reports become our findings: every schema version, truncated reports, unknown words."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.findings import Severity
from shared.domain.toolreports.failures import KINDS, failure_kind, findings_of_report, findings_that_stop_tool, first_error_line
from shared.domain.toolreports.results import latest_recorded_run, recorded_runs
from tests.unit.domain import samples

LEAPP = {"1.0.0": samples.LEAPP_100, "1.1.0": samples.LEAPP_110, "1.2.0": samples.LEAPP_120}
REPORTS = [("leapp", json.dumps(each)) for each in LEAPP.values()] + [("convert2rhel", json.dumps(samples.CONVERT2RHEL_PRE))]


@pytest.mark.parametrize("version", LEAPP)
def test_the_samples_are_what_the_published_schemas_demand(version: str) -> None:
    jsonschema.validate(LEAPP[version], samples.leapp_schema(version))
    others = [other for other in LEAPP if other != version]
    assert any(not jsonschema.Draft7Validator(samples.leapp_schema(other)).is_valid(LEAPP[version]) for other in others)
    jsonschema.validate(samples.CONVERT2RHEL_PRE, samples.CONVERT2RHEL_SCHEMA)
    jsonschema.validate(samples.MIGRATION_RESULTS, samples.RESULTS_SCHEMA)


@pytest.mark.parametrize("version", LEAPP)
def test_leapp_inhibitors_come_first_in_every_version(version: str) -> None:
    found = findings_of_report("leapp", json.dumps(LEAPP[version]))
    assert [each.severity for each in found] == [Severity.ERROR, Severity.INFO, Severity.WARNING]
    assert found[0].code == "Tool.Inhibited"
    assert found[0].seen.startswith("What ")
    assert findings_that_stop_tool(found) == found[:1]


def test_leapp_remedies_are_its_own_hint_or_command() -> None:
    assert findings_of_report("leapp", json.dumps(samples.LEAPP_110))[0].remedy == "Allow root to log in by key."
    by_command = findings_of_report("leapp", json.dumps(samples.LEAPP_120))[0]
    assert (by_command.remedy, by_command.command) == ("Run: dnf -y remove old-agent", "dnf -y remove old-agent")


def test_convert2rhel_errors_come_first_with_their_ids() -> None:
    found = findings_of_report("convert2rhel", json.dumps(samples.CONVERT2RHEL_PRE))
    assert [each.title for each in found] == [
        "The kernel is not the newest (NEWEST_KERNEL::OLD)",
        "No repository answers (REPOSITORIES::SILENT)",
        "Packages of others (PACKAGES::FOREIGN)",
    ]
    assert found[0].remedy == "Update and restart."
    assert "convert2rhel-pre-conversion.txt" in found[1].remedy
    assert [each.severity for each in found] == [Severity.ERROR, Severity.ERROR, Severity.WARNING]


@pytest.mark.parametrize(("tool", "text"), REPORTS)
def test_of_a_report_that_is_cut_off_the_whole_entries_are_read(tool: str, text: str) -> None:
    whole = set(findings_of_report(tool, text))
    counts = [len(findings_of_report(tool, text[:end])) for end in range(len(text))]
    assert all(set(findings_of_report(tool, text[:end])) <= whole for end in range(0, len(text), 7))
    assert counts == sorted(counts)
    assert counts[-1] == len(whole)


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    for tool in ("leapp", "convert2rhel"):
        assert findings_of_report(tool, text) == ()
    assert recorded_runs(text) == ()
    assert "\n" not in first_error_line(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("entries", "actions", "result", "level")), inner),
    max_leaves=8,
)


@given(_JSON, st.sampled_from(("entries", "actions", "activities")))
def test_any_values_in_the_place_of_entries_are_no_error(value: object, name: str) -> None:
    text = json.dumps({name: value})
    for tool in ("leapp", "convert2rhel"):
        assert isinstance(findings_of_report(tool, text), tuple)
    recorded_runs(text)


def test_what_a_tool_writes_acts_on_no_terminal_and_is_not_endless() -> None:
    entry = {"title": "\x1b[31mred\nline", "severity": "high", "groups": ["inhibitor"], "summary": "x" * 5000}
    (found,) = findings_of_report("leapp", json.dumps({"entries": [entry]}))
    assert "\x1b" not in found.title
    assert "\n" not in found.title
    assert len(found.seen) == 600


def test_the_last_activity_counts() -> None:
    found = latest_recorded_run(json.dumps(samples.MIGRATION_RESULTS))
    assert found is not None
    assert (found.kind, found.success) == ("upgrade", False)
    assert latest_recorded_run("{}") is None


@pytest.mark.parametrize(
    ("log", "code"),
    [
        ("installing\nOSError: [Errno 28] No space left on device", "Tool.DiskFull"),
        ("At least 812MB more space needed on the / filesystem.", "Tool.DiskFull"),
        ("curl: (6) Could not resolve host: example.com", "Tool.NoNetwork"),
        ("Error: Failed to download metadata for repo 'base'", "Tool.NoNetwork"),
        ("Error: Unable to find a match: leapp-upgrade", "Tool.NoRepository"),
        ("Another app is currently holding the yum lock; waiting for it to exit...", "Tool.PackageManagerBusy"),
        ("Public key for tool.rpm is not installed", "Tool.SignatureMissing"),
        ("MemoryError", "Tool.OutOfMemory"),
        ("Something else entirely", ""),
    ],
)
def test_known_kinds_of_failure_have_a_code_and_a_remedy(log: str, code: str) -> None:
    kind = failure_kind(log)
    assert (kind.code if kind else "") == code
    assert all(each.remedy.endswith(".") for each in KINDS)


def test_an_unknown_failure_shows_the_tools_own_words_the_first_error_first() -> None:
    assert first_error_line("start\nERROR - a thing broke\nERROR - another") == "ERROR - a thing broke"
    assert first_error_line("start\nthe end\n\n") == "the end"
    assert first_error_line("") == ""
