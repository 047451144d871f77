"""leapp-report.json, in the versions 1.0.0 to 1.2.0 of its schema (oamg/leapp, report-schema-v100.json, v110, v120)."""

from __future__ import annotations

from typing import Any

from shared.domain.findings import Finding, Severity
from shared.domain.toolreports.reading import list_values, tool_text

_STOPS = frozenset({"inhibitor", "error"})
_GRADES = {"high": Severity.WARNING, "medium": Severity.WARNING}
"""Severities of risks that are not inhibitors. leapp continues, but a person should check them."""
_READ_IT = "Read /var/log/leapp/leapp-report.txt in the instance, correct the cause, then retry."
_WHY = "leapp's own precheck says so."


def findings_of_leapp(text: str) -> tuple[Finding, ...]:
    """The entries of the report as findings in leapp's own words. Findings that stop the upgrade come first."""
    found = [_finding_of_entry(entry) for entry in list_values(text, "entries") if isinstance(entry, dict)]
    return tuple(sorted(found, key=lambda each: each.severity is not Severity.ERROR))


def _finding_of_entry(entry: dict[str, Any]) -> Finding:
    marks = _entry_groups(entry)
    severity = Severity.ERROR if marks & _STOPS else _GRADES.get(str(entry.get("severity")), Severity.INFO)
    title = tool_text(entry.get("title")) or "leapp gives no title"
    remedy, command = _hint_and_command(entry)
    return Finding(
        "Tool.Inhibited" if severity is Severity.ERROR else "Tool.Noted",
        severity,
        title,
        tool_text(entry.get("summary")),
        _WHY,
        remedy,
        command,
    )


def _entry_groups(entry: dict[str, Any]) -> set[str]:
    """The groups of an entry in version 1.2 of the schema, or its flags in earlier versions. The groups or flags show whether the
    entry stops the upgrade."""
    listed = entry.get("groups", entry.get("flags"))
    marks = {str(each) for each in listed} if isinstance(listed, list) else set()
    return marks | ({"error"} if str(entry.get("severity")) == "error" else set())


def _hint_and_command(entry: dict[str, Any]) -> tuple[str, str]:
    """The first hint and the first command of an entry. The tool may leave out the hint or the command."""
    detail = entry.get("detail")
    listed = detail.get("remediations") if isinstance(detail, dict) else None
    hint, command = "", ""
    for each in listed if isinstance(listed, list) else []:
        context = each.get("context") if isinstance(each, dict) else None
        if isinstance(context, list):
            command = command or tool_text(" ".join(map(str, context)))
        else:
            hint = hint or tool_text(context)
    if command and not hint:
        hint = f"Run: {command}"
    return hint or _READ_IT, command
