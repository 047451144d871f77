"""leapp-report.json, in the versions 1.0.0 to 1.2.0 of its schema (oamg/leapp, report-schema-v100.json, v110, v120)."""

from __future__ import annotations

from typing import Any

from shared.domain.findings import Finding, Severity
from shared.domain.toolreports.reading import items, said

_STOPS = frozenset({"inhibitor", "error"})
_GRADES = {"high": Severity.WARNING, "medium": Severity.WARNING}
"""What a risk without an inhibitor is to us: leapp goes on, and a person should look."""
_READ_IT = "Read /var/log/leapp/leapp-report.txt in the instance, correct the cause, then retry."
_WHY = "leapp's own precheck says so."


def findings_of_leapp(text: str) -> tuple[Finding, ...]:
    """The entries as findings, what stops the upgrade first, each in leapp's own words."""
    found = [_finding(entry) for entry in items(text, "entries") if isinstance(entry, dict)]
    return tuple(sorted(found, key=lambda each: each.severity is not Severity.ERROR))


def _finding(entry: dict[str, Any]) -> Finding:
    marks = _marks(entry)
    severity = Severity.ERROR if marks & _STOPS else _GRADES.get(str(entry.get("severity")), Severity.INFO)
    title = said(entry.get("title")) or "leapp gives no title"
    remedy, command = _remedy(entry)
    return Finding(
        "Tool.Inhibited" if severity is Severity.ERROR else "Tool.Noted",
        severity,
        title,
        said(entry.get("summary")),
        _WHY,
        remedy,
        command,
    )


def _marks(entry: dict[str, Any]) -> set[str]:
    """Version 1.2 has groups; the ones before have flags and tags. Only flags, or groups without flags, say what stops."""
    listed = entry.get("groups", entry.get("flags"))
    marks = {str(each) for each in listed} if isinstance(listed, list) else set()
    return marks | ({"error"} if str(entry.get("severity")) == "error" else set())


def _remedy(entry: dict[str, Any]) -> tuple[str, str]:
    """The first hint, and the first command; the tool names either, both or neither."""
    detail = entry.get("detail")
    listed = detail.get("remediations") if isinstance(detail, dict) else None
    hint, command = "", ""
    for each in listed if isinstance(listed, list) else []:
        context = each.get("context") if isinstance(each, dict) else None
        if isinstance(context, list):
            command = command or said(" ".join(map(str, context)))
        else:
            hint = hint or said(context)
    if command and not hint:
        hint = f"Run: {command}"
    return hint or _READ_IT, command
