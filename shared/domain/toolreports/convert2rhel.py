"""Reads convert2rhel's reports from before and after the conversion (oamg/convert2rhel, schemas/assessment-schema-1.0.json to 1.2).

The schemas call the remedy ``remediation`` in one place and ``remediations`` in another, so the module reads both names. Reports in
format 1.0 have no status. The file of schema 1.2 still names 1.1 as its ``format_version``, so the module does not read that field.
"""

from __future__ import annotations

from typing import Any

from shared.domain.findings import Finding, Severity
from shared.domain.toolreports.reading import items_of_object, value_as_line

_GRADES = {
    "ERROR": Severity.ERROR,
    "OVERRIDABLE": Severity.ERROR,  # only a setting of the tool can override this grade; an override in the policy cannot
    "SKIP": Severity.WARNING,
    "WARNING": Severity.WARNING,
    "INFO": Severity.INFO,
}
_WHY = "convert2rhel's own analysis says so."


def findings_of_convert2rhel(text: str) -> tuple[Finding, ...]:
    """The messages of the report as findings in the tool's own words, errors first. Messages about success are left out."""
    found = []
    for name, action in items_of_object(text, "actions"):
        if not isinstance(action, dict):
            continue
        messages = action.get("messages")
        told = [action.get("result"), *(messages if isinstance(messages, list) else [])]
        found += [_finding_of_message(name, each) for each in told if isinstance(each, dict) and str(each.get("level")) in _GRADES]
    return tuple(sorted(found, key=lambda each: (each.severity is not Severity.ERROR, each.severity is Severity.INFO)))


def _finding_of_message(action: str, told: dict[str, Any]) -> Finding:
    severity = _GRADES[str(told.get("level"))]
    name = f"{action}::{value_as_line(told.get('id'))}"
    title = _message_text(told, "title") or _message_text(told, "message") or name
    seen = " ".join(filter(None, (_message_text(told, "diagnosis"), _message_text(told, "description"))))
    remedy = _message_text(told, "remediations") or _message_text(told, "remediation")
    code = "Tool.Inhibited" if severity is Severity.ERROR else "Tool.Noted"
    return Finding(code, severity, f"{title} ({name})", value_as_line(seen), _WHY, remedy)


def _message_text(told: dict[str, Any], name: str) -> str:
    """One text of a message; empty if the tool wrote ``N/A``, which stands for a missing text."""
    text = value_as_line(told.get(name))
    return "" if text.upper() == "N/A" else text
