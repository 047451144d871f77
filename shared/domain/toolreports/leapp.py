"""Reads leapp-report.json, in the versions 1.0.0 to 1.2.0 of its schema (oamg/leapp, report-schema-v100.json, v110, v120).

If a part of leapp (an actor) fails, leapp makes an entry whose summary is a JSON object (redhat-cop/infra.leapp, pull request 169).
"""

from __future__ import annotations

from typing import Any

from shared.domain.findings import Finding, Severity
from shared.domain.toolreports.reading import json_object, value_as_line, values_of_list

_STOPPING_GROUPS = frozenset({"inhibitor", "error"})
_GRADES = {"high": Severity.WARNING, "medium": Severity.WARNING}
"""Severities of risks that are not inhibitors. Although leapp continues in spite of these risks, a person should check the
findings.
"""
_WHY = "leapp's own precheck says so."


def findings_of_leapp(text: str) -> tuple[Finding, ...]:
    """The entries of the report as findings in leapp's own words. Findings that stop the upgrade come first."""
    found = [_finding_of_entry(entry) for entry in values_of_list(text, "entries") if isinstance(entry, dict)]
    return tuple(sorted(found, key=lambda each: each.severity is not Severity.ERROR))


def _finding_of_entry(entry: dict[str, Any]) -> Finding:
    marks = _groups_of_entry(entry)
    severity = Severity.ERROR if marks & _STOPPING_GROUPS else _GRADES.get(str(entry.get("severity")), Severity.INFO)
    title = value_as_line(entry.get("title")) or "leapp gives no title"
    seen, own_hint = _summary_and_hint(entry)
    hint, command = _hint_and_command(entry)
    remedy = hint or own_hint or (f"Run: {command}" if command else "")
    return Finding(
        "Tool.Inhibited" if severity is Severity.ERROR else "Tool.Noted",
        severity,
        title,
        seen,
        _WHY,
        remedy,
        command,
    )


def _groups_of_entry(entry: dict[str, Any]) -> set[str]:
    """The groups of an entry, which show whether the entry stops the upgrade. Schemas before version 1.2 have flags and tags
    instead of groups, and the tags show an error (oamg/leapp, leapp/utils/report.py).
    """
    listed = [entry.get(name) for name in ("groups", "flags", "tags")]
    marks = {str(each) for values in listed if isinstance(values, list) for each in values}
    return marks | ({"error"} if str(entry.get("severity")) == "error" else set())


def _summary_and_hint(entry: dict[str, Any]) -> tuple[str, str]:
    """The summary of an entry, and the hint that an actor's error may contain."""
    summary = entry.get("summary")
    told = json_object(summary) if isinstance(summary, str) and summary.startswith("{") else {}
    words = [value_as_line(value) for name, value in told.items() if name != "hint" and isinstance(value, str)]
    return value_as_line(" ".join(words)) or value_as_line(summary), value_as_line(told.get("hint"))


def _hint_and_command(entry: dict[str, Any]) -> tuple[str, str]:
    """The first hint and the first command of an entry; each text may be empty. The name of a playbook does not count as a hint."""
    detail = entry.get("detail")
    listed = detail.get("remediations") if isinstance(detail, dict) else None
    hint, command = "", ""
    for each in listed if isinstance(listed, list) else []:
        context = each.get("context") if isinstance(each, dict) else None
        if isinstance(context, list):
            command = command or value_as_line(" ".join(map(str, context)))
        elif context is not None and each.get("type") != "playbook":
            hint = hint or value_as_line(context)
    return hint, command
