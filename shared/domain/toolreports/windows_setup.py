"""Reads the results of Windows Setup: the exit code of ``/Compat ScanOnly``, and SetupDiag's results as XML or as JSON.

The exit codes are those of learn.microsoft.com, Windows Setup command-line options. The names of SetupDiag's rules are those of
MicrosoftDocs/windows-itpro-docs, SetupDiag. A rule's name is read and not its GUID, because two rules have the same GUID there.
"""

from __future__ import annotations

import html
import json
import re

from shared.domain.findings import Finding, Severity
from shared.domain.record import dataclass
from shared.domain.toolreports.reading import value_as_line, values_of_list

NOTHING_FOUND = 0xC1900210
"""The exit code of a scan that found nothing. Status 0 proves nothing: a scan never ends with it."""
_WHY_SCAN = "Windows Setup's own scan says so."
_WHY_DIAGNOSIS = "SetupDiag read this from the logs of Windows Setup."
_SUCCESS = "FindSuccessfulUpgrade"
_SCAN_ONLY = "CompatScanOnly"


@dataclass(frozen=True)
class _Known:
    """What Replank says of an exit code or of a rule."""

    code: str
    title: str
    remedy: str


_FREE_SPACE = "Free the space that the tool names, or enlarge the disk; then retry."
_SCAN_CODES = {
    0xC1900208: _Known(
        "Tool.Inhibited",
        "Windows Setup found an application or a driver that blocks the upgrade",
        "Update or remove what the compatibility report of Windows Setup names; then retry.",
    ),
    0xC1900204: _Known(
        "Tool.Inhibited",
        "Windows Setup cannot keep applications and settings with this media",
        "Use media whose edition, language and kind of installation (with or without desktop) fit the instance; then retry.",
    ),
    0xC1900200: _Known(
        "Tool.Inhibited",
        "The instance does not meet the requirements of the new Windows",
        "Choose an instance type with enough processors and memory, or another destination; then retry.",
    ),
    0xC190020E: _Known("Tool.DiskFull", "Windows Setup found too little free disk space", _FREE_SPACE),
}
_DISK = _Known("Tool.DiskFull", "Windows Setup ran out of disk space", _FREE_SPACE)
_APPLICATION = _Known(
    "Tool.Inhibited", "An application blocks the upgrade", "Remove the application that the message names; then retry."
)
_DRIVER = _Known("Tool.Inhibited", "A driver blocks the upgrade", "Update or remove the driver that the message names; then retry.")
_RULES = {
    "DiskSpaceBlockInDownLevel": _DISK,
    "DiskSpaceFailure": _DISK,
    "InsufficientSystemPartitionDiskSpaceHardblock": _Known(
        "Tool.DiskFull",
        "The system partition has too little free space",
        "Free space on the partition with the boot files; then retry.",
    ),
    "CompatBlockedApplicationAutoUninstall": _APPLICATION,
    "CompatBlockedApplicationDismissable": _APPLICATION,
    "CompatBlockedApplicationManualUninstall": _APPLICATION,
    "HardblockDeviceOrDriver": _DRIVER,
    "PlugInComplianceBlock": _Known(
        "Tool.Inhibited",
        "A role or a feature of the server blocks the upgrade",
        "Do what the message of Windows Setup says; then retry.",
    ),
    "HardblockMismatchedLanguage": _Known(
        "Tool.Inhibited",
        "The media have another language than the instance",
        "Use media in the language of the instance; then retry.",
    ),
    "SafeModeHardblock": _Known("Tool.Inhibited", "Windows runs in safe mode", "Restart the instance in normal mode; then retry."),
}


def findings_of_scan(exit_code: int) -> tuple[Finding, ...]:
    """What the exit code of ``/Compat ScanOnly`` says; empty if the scan found nothing.

    PowerShell shows the code as a negative number of 32 bits, so both forms are read. An unknown code stops the tool. An empty
    result never proves that the disk has enough space.
    """
    code = exit_code & 0xFFFFFFFF
    if code == NOTHING_FOUND:
        return ()
    known = _SCAN_CODES.get(code) or _Known("Tool.PrecheckFailed", "The scan of Windows Setup ended with an unknown code", "")
    return (Finding(known.code, Severity.ERROR, known.title, f"0x{code:08X}", _WHY_SCAN, known.remedy),)


def findings_of_setupdiag(text: str) -> tuple[Finding, ...]:
    """The finding in SetupDiag's results; empty if the upgrade succeeded, only a scan ran, or no rule matched.

    A rule that Replank does not know keeps SetupDiag's own words, the first error first. Values that were cut off are not read.
    """
    rule = _first(_values(text, "ProfileName"))
    if rule in ("", _SUCCESS, _SCAN_ONLY):
        return ()
    data = list(filter(None, map(value_as_line, _values(text, "FailureData"))))
    told = list(dict.fromkeys([*data, *map(value_as_line, _values(text, "FailureDetails"))]))
    told = [each for each in told if not re.match("Refer to ", each)] or [_first(_values(text, "LogErrorLine"))]
    words = re.sub("^Error: ", "", told[0]) or rule
    known = _RULES.get(rule) or _Known("Tool.Failed", f"{words} ({rule})", "")
    remedy = value_as_line(" ".join(_values(text, "Remediation"))) or known.remedy
    seen = value_as_line(" ".join([f"{rule}:", *told]))
    return (Finding(known.code, Severity.ERROR, known.title, seen, _WHY_DIAGNOSIS, remedy),)


def _first(values: list[str]) -> str:
    """The first value as one line; empty without one."""
    return value_as_line(values[0]) if values else ""


def _values(text: str, name: str) -> list[str]:
    """The complete texts of one field of SetupDiag's results.

    The XML is searched and not parsed: it says UTF-16 of itself whatever arrives, it may be cut off, and nothing in it is expanded.
    """
    if not text.lstrip("\ufeff \r\n\t").startswith("{"):
        return [html.unescape(each) for each in re.findall(rf"<{name}>([^<]*)</{name}>", text)]
    text = re.sub(r"[\r\n\t]", " ", text)  # the published sample has line ends within strings, which JSON forbids
    listed = [each for each in values_of_list(text, name) if isinstance(each, str)]
    found = re.search(rf'"{name}"\s*:\s*("(?:[^"\\]|\\.)*")', text)
    try:
        return [json.loads(found[1])] if found else listed
    except ValueError:
        return listed
