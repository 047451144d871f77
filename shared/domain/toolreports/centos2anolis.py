"""Reads the state file of OpenAnolis's tool centos2anolis: one JSON object (source: the published installer of OpenAnolis's
migration tools).

The fields of the object are Timestamp, ProgressInfo, Progress, ErrorCode and ErrorMsg. An ErrorCode other than 0 means a failure.
"""

from __future__ import annotations

from shared.domain.findings import Finding, Severity
from shared.domain.toolreports.reading import json_object, value_as_line

_WHY = "The state file of centos2anolis says so."


def findings_of_centos2anolis(text: str) -> tuple[Finding, ...]:
    """The failure in the state file, in the tool's own words; empty if the file has no failure."""
    told = json_object(text)
    code = told.get("ErrorCode")
    if isinstance(code, bool) or not isinstance(code, int) or code == 0:
        return ()
    title = value_as_line(told.get("ProgressInfo")) or "centos2anolis gives no title"
    return (Finding("Tool.Inhibited", Severity.ERROR, f"{title} (error {code})", value_as_line(told.get("ErrorMsg")), _WHY, ""),)
