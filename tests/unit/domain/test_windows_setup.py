"""Results of Windows Setup and SetupDiag. The shapes are those in MicrosoftDocs/windows-itpro-docs; the words are ours."""

from __future__ import annotations

import json

import pytest

from shared.domain.findings import Severity
from shared.domain.toolreports.failures import findings_of_report
from shared.domain.toolreports.windows_setup import findings_of_scan

XML = """<?xml version="1.0" encoding="utf-16"?>
<SetupDiag xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="https://learn.microsoft.com/windows/deployment/upgrade/setupdiag">
  <Version>1.7.0.0</Version>
  <ProfileName>{rule}</ProfileName>
  <SystemInfo><HostOSVersion /></SystemInfo>
  <LogErrorLine>2026-11-01 00:00:00, Error SP A clock &amp; a date</LogErrorLine>
  <FailureData>
Error: A clock &amp; a date differ.
Last Setup Phase = Downlevel</FailureData>
  <FailureData>LogEntry: one</FailureData>
  <FailureData>LogEntry: one</FailureData>
  <FailureData>
Refer to "https://learn.microsoft.com/" for error information.</FailureData>
  <FailureDetails>Err = 0x00000057</FailureDetails>
</SetupDiag>"""


def as_json(rule: str, **more: object) -> str:
    return json.dumps(
        {
            "Version": "1.5.0.0",
            "ProfileName": rule,
            "SystemInfo": {"HostOSVersion": ""},
            "LogErrorLine": "2026-11-01 00:00:00, Error SP A clock & a date",
            "FailureData": [
                "\nError: A clock & a date differ.\nLast Setup Phase = Downlevel",
                "LogEntry: one",
                "LogEntry: one",
                '\nRefer to "https://learn.microsoft.com/" for error information.',
            ],
            "FailureDetails": "Err = 0x00000057",
            "DeviceDriverInfo": None,
            "Remediation": [],
            **more,
        }
    )


@pytest.mark.parametrize(
    ("exit_code", "code"),
    [
        (0xC1900208, "Tool.Inhibited"),
        (0xC1900204, "Tool.Inhibited"),
        (0xC1900200, "Tool.Inhibited"),
        (0xC190020E, "Tool.DiskFull"),
        (0, "Tool.PrecheckFailed"),
        (0xC190010E, "Tool.PrecheckFailed"),
    ],
)
def test_a_scan_stops_the_tool_unless_it_found_nothing(exit_code: int, code: str) -> None:
    for form in {exit_code, exit_code - (1 << 32)}:
        (found,) = findings_of_scan(form)
        assert (found.code, found.severity, found.seen) == (code, Severity.ERROR, f"0x{exit_code:08X}")


def test_a_scan_that_found_nothing_in_both_forms() -> None:
    assert findings_of_scan(0xC1900210) == findings_of_scan(-1047526896) == ()


@pytest.mark.parametrize("text", [XML.format(rule="FindSPFatalError"), as_json("FindSPFatalError")], ids=["xml", "json"])
def test_an_unknown_rule_keeps_the_words_of_the_tool_first_error_first(text: str) -> None:
    (found,) = findings_of_report("setup", text)
    assert found.code == "Tool.Failed"
    assert found.title == "A clock & a date differ. Last Setup Phase = Downlevel (FindSPFatalError)"
    assert (
        found.seen
        == "FindSPFatalError: Error: A clock & a date differ. Last Setup Phase = Downlevel LogEntry: one Err = 0x00000057"
    )
    assert found.remedy.startswith(r"Read C:\Windows\Logs\SetupDiag\SetupDiagResults.xml")


@pytest.mark.parametrize("write", [lambda rule: XML.format(rule=rule), as_json], ids=["xml", "json"])
def test_a_known_rule_has_our_sentence_and_remedy(write) -> None:  # type: ignore[no-untyped-def]
    (found,) = findings_of_report("setup", write("DiskSpaceFailure"))
    assert (found.code, found.title) == ("Tool.DiskFull", "Windows Setup ran out of disk space")
    assert found.remedy.startswith("Free the space")
    assert found.seen.startswith("DiskSpaceFailure: Error: A clock")
    assert findings_of_report("setup", write("FindSuccessfulUpgrade")) == ()
    assert findings_of_report("setup", write("CompatScanOnly")) == ()


def test_the_remedy_of_the_tool_comes_before_ours() -> None:
    (found,) = findings_of_report("setup", as_json("HardblockDeviceOrDriver", Remediation=["Remove oem1.inf."]))
    assert found.remedy == "Remove oem1.inf."


def test_line_ends_within_json_are_read_as_the_published_sample_has_them() -> None:
    (found,) = findings_of_report("setup", as_json("X", FailureData=["a|b"], FailureDetails="c|d").replace("|", "\n "))
    assert (found.title, found.seen) == ("a b (X)", "X: a b c d")


def test_results_without_data_show_the_line_of_the_log_or_the_rule() -> None:
    (found,) = findings_of_report("setup", as_json("X", FailureData=None, FailureDetails=None))
    assert found.title == "2026-11-01 00:00:00, Error SP A clock & a date (X)"
    assert findings_of_report("setup", '{"ProfileName": "X"}')[0].title == "X (X)"


def test_results_that_are_cut_off_at_any_character_raise_nothing() -> None:
    for text in (XML.format(rule="DiskSpaceFailure"), as_json("DiskSpaceFailure"), "\ufeff" + as_json("DiskSpaceFailure")):
        found = [findings_of_report("setup", text[:length]) for length in range(len(text))]
        assert found[0] == ()
        assert found[-1][0].code == "Tool.DiskFull"
    assert findings_of_report("setup", '{"ProfileName": "\\x"}') == ()
