"""Kinds of failure that the tools' public issues name, told by the tool's own words; each has a code and a remedy."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.domain.findings import Finding, Severity
from shared.domain.toolreports.convert2rhel import findings_of_convert2rhel
from shared.domain.toolreports.leapp import findings_of_leapp
from shared.domain.toolreports.reading import said

_ERROR = re.compile(r"\b(?:error|critical|fatal|traceback|failed|cannot|could not|no space)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """One kind of failure. ``words`` is a regular expression for what the tool or the package manager prints."""

    code: str
    words: str
    remedy: str


KINDS = (
    Kind(
        "Tool.DiskFull",
        r"no space left on device|not enough (?:free )?space|at least \d+ ?[MG]i?B more space needed",
        "Free the space that the tool names, or enlarge the disk; then retry.",
    ),
    Kind(
        "Tool.NoNetwork",
        r"could not resolve host|cannot find a valid baseurl|failed to download metadata|connection timed out"
        r"|network is unreachable|curl: \(\d+\)|errors during downloading metadata",
        "Let the instance reach the repositories that the message names (network, proxy, mirror); then retry.",
    ),
    Kind(
        "Tool.NoRepository",
        r"unable to find a match|no package \S+ available|repositor(?:y|ies) .*(?:not available|unavailable|do(?:es)? not exist)",
        "Enable the repositories of the tool and of the destination. For Red Hat buy the licence first; then retry.",
    ),
    Kind(
        "Tool.PackageManagerBusy",
        r"another app is currently holding the yum lock|waiting for process with pid|rpm(?:db)?: .*lock",
        "Wait until the other yum, dnf or rpm has ended; then retry.",
    ),
    Kind(
        "Tool.SignatureMissing",
        r"public key for .* is not installed|gpg (?:key|check) .*fail|nokey",
        "Import the key that the message names, after checking it; then retry.",
    ),
    Kind(
        "Tool.OutOfMemory",
        r"out of memory|cannot allocate memory|memoryerror",
        "Give the instance more memory or swap; then retry.",
    ),
)
"""First match wins. The texts are those of yum, dnf, rpm, curl, leapp and convert2rhel, as their public issues quote them."""
_READERS = {"leapp": findings_of_leapp, "convert2rhel": findings_of_convert2rhel}


def findings_of(tool: str, report: str) -> tuple[Finding, ...]:
    """The findings in a tool's report; those that stop the tool come first."""
    return _READERS[tool](report)


def stopping(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those that stop the tool."""
    return tuple(each for each in findings if each.severity is Severity.ERROR)


def kind_of(log: str) -> Kind | None:
    """The kind of failure that a log tells of, if it is one we know."""
    return next((each for each in KINDS if re.search(each.words, log, re.IGNORECASE)), None)


def first_error(log: str) -> str:
    """The tool's own words: the first line that names an error, else the last line that says anything."""
    lines = [line for line in log.splitlines() if line.strip()]
    named = next((line for line in lines if _ERROR.search(line)), lines[-1] if lines else "")
    return said(named)
