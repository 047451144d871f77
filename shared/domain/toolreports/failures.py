"""The kinds of failure that the tools' public issues describe, each with a code and a remedy. The output of a tool shows which kind
of failure occurred.
"""

from __future__ import annotations

import re
from dataclasses import replace

from shared.domain.findings import Finding, Severity
from shared.domain.record import dataclass
from shared.domain.toolreports.centos2anolis import findings_of_centos2anolis
from shared.domain.toolreports.convert2rhel import findings_of_convert2rhel
from shared.domain.toolreports.leapp import findings_of_leapp
from shared.domain.toolreports.reading import value_as_line
from shared.domain.toolreports.windows_setup import findings_of_setupdiag

_ERROR = re.compile(
    r"\b(?:error|critical|fatal|traceback|failed|cannot|could not|no space|has been inhibited|inhibitor)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class FailureKind:
    """A known kind of failure. The field ``words`` is a regular expression that matches messages of the tool or of the package
    manager.
    """

    code: str
    words: str
    remedy: str


KINDS = (
    FailureKind(
        "Media.ImageMissing",
        r"the media disk has no image \S",
        "Add to the media disk the ISO file that the message describes (docs/drivers.md), make a snapshot, name it in "
        "REPLANK_WINDOWS_MEDIA, deploy; then retry.",
    ),
    FailureKind(
        "Tool.DiskFull",
        r"no space left on device|not enough (?:free )?space|at least \d+ ?[MG]i?B more space needed",
        "Free the space that the tool names, or enlarge the disk; then retry.",
    ),
    FailureKind(
        "Tool.NoNetwork",
        r"could not resolve host|cannot find a valid baseurl|failed to download metadata|connection timed out"
        r"|network is unreachable|curl: \(\d+\)|errors during downloading metadata",
        "Let the instance reach the repositories that the message names (network, proxy, mirror); then retry.",
    ),
    FailureKind(
        "Tool.NoRepository",
        r"unable to find a match|no package \S+ available|repositor(?:y|ies) .*(?:not available|unavailable|do(?:es)? not exist)",
        "Enable the repositories of the tool and of the destination. For Red Hat buy the licence first; then retry.",
    ),
    FailureKind(
        "Tool.PackageManagerBusy",
        r"another app is currently holding the yum lock|waiting for process with pid|rpm(?:db)?: .*lock",
        "Wait until the other yum, dnf or rpm has ended; then retry.",
    ),
    FailureKind(
        "Tool.SignatureMissing",
        r"public key for .* is not installed|gpg (?:key|check) .*fail|nokey",
        "Import the key that the message names, after checking it; then retry.",
    ),
    FailureKind(
        "Tool.OutOfMemory",
        r"out of memory|cannot allocate memory|memoryerror",
        "Give the instance more memory or swap; then retry.",
    ),
)
"""The known kinds of failure. If the words of several kinds match a log, the first of these kinds counts. The messages come from
yum, dnf, rpm, curl, leapp and convert2rhel, as quoted in public issues; that about the media disk comes from tool_runner.ps1.
"""
_READERS = {
    "leapp": findings_of_leapp,
    "convert2rhel": findings_of_convert2rhel,
    "centos2anolis": findings_of_centos2anolis,
    "setup": findings_of_setupdiag,
}
_TEXT_REPORTS = {
    "leapp": "/var/log/leapp/leapp-report.txt",
    "convert2rhel": "/var/log/convert2rhel/convert2rhel-pre-conversion.txt",
    "centos2anolis": "/var/log/centostoanolis.json",
    "setup": r"C:\Windows\Logs\SetupDiag\SetupDiagResults.xml",
}


def findings_of_report(tool: str, report: str) -> tuple[Finding, ...]:
    """The findings in a tool's report, each with a remedy. Findings that stop the tool come first."""
    return tuple(each if each.remedy else replace(each, remedy=_remedy_from_replank(tool, each)) for each in _READERS[tool](report))


def _remedy_from_replank(tool: str, finding: Finding) -> str:
    """Replank's remedy for a finding for which the tool gives no remedy."""
    kind = failure_kind(f"{finding.title}\n{finding.seen}") if finding.severity is Severity.ERROR else None
    return kind.remedy if kind else f"Read {_TEXT_REPORTS[tool]} in the instance, correct the cause, then retry."


def findings_that_stop_tool(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings that stop the tool."""
    return tuple(each for each in findings if each.severity is Severity.ERROR)


def failure_kind(log: str) -> FailureKind | None:
    """The kind of failure that a log shows; None if the kind is not known."""
    return next((each for each in KINDS if re.search(each.words, log, re.IGNORECASE)), None)


def first_error_line(log: str) -> str:
    """The first line of the log that names an error. If no line names an error, the result is the last line that is not empty.

    If the line ends with a colon, the next line is added.
    """
    lines = [line for line in log.splitlines() if line.strip()]
    place = next((place for place, line in enumerate(lines) if _ERROR.search(line)), len(lines) - 1)
    announces = bool(lines) and lines[place].rstrip().endswith(":")
    return value_as_line(" ".join(lines[place : place + 1 + announces])) if lines else ""
