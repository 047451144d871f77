"""Samples of tools' reports, and the requirements of the published schemas, restated (see README.md)."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_TEXT = {"type": "string"}
_LEAPP_FIELDS = ("hostname", "severity", "timeStamp", "title", "actor", "summary", "audience", "id")


def _entry(number: int, title: str, severity: str, **more: Any) -> Json:
    made = dict.fromkeys(_LEAPP_FIELDS, "")
    return {**made, "title": title, "severity": severity, "summary": f"What {title} means.", "id": f"{number:064x}", **more}


_HINT = {"detail": {"remediations": [{"type": "hint", "context": "Allow root to log in by key."}]}}
_COMMAND = {"detail": {"remediations": [{"type": "command", "context": ["dnf", "-y", "remove", "old-agent"]}]}}

LEAPP_100: Json = {
    "leapp_run_id": "00000000-1111-2222-3333-444444444444",
    "entries": [
        _entry(1, "Repositories left out", "info", tags=["repository"], flags=["failure"]),
        _entry(2, "Root cannot log in afterwards", "high", tags=["network"], flags=["inhibitor"], **_HINT),
        _entry(3, "Packages without a signature", "high", tags=["sanity"]),
    ],
}
LEAPP_110: Json = {
    **LEAPP_100,
    "entries": [{**each, "key": f"{place:040x}"} for place, each in enumerate(LEAPP_100["entries"])],
}
LEAPP_120: Json = {
    "leapp_run_id": "00000000-1111-2222-3333-444444444444",
    "entries": [
        _entry(1, "Repositories left out", "info", groups=["failure", "repository"], key="a" * 40),
        _entry(2, "An agent that the new system lacks", "high", groups=["inhibitor", "services"], key="b" * 40, **_COMMAND),
        _entry(3, "Packages without a signature", "medium", groups=["sanity"], key="c" * 40),
    ],
}


def leapp_schema(version: str) -> Json:
    """The requirements of schema version 1.0.0, 1.1.0 or 1.2.0 for a leapp report."""
    own = {"1.0.0": {"key": False}, "1.1.0": {"groups": False}, "1.2.0": {"flags": False, "tags": False}}[version]
    listed = {"type": "array", "items": _TEXT}
    fields: Json = {**dict.fromkeys(_LEAPP_FIELDS, _TEXT), "tags": listed, "flags": listed, "groups": listed, "key": _TEXT}
    severity = {"enum": ["info", "low", "medium", "high"]}
    properties = {**fields, **own, "severity": severity}
    entry = {"type": "object", "required": list(_LEAPP_FIELDS), "properties": properties}
    return {
        "type": "object",
        "required": ["leapp_run_id", "entries"],
        "properties": {"leapp_run_id": _TEXT, "entries": {"type": "array", "items": entry}},
    }


def _told(level: str, id: str, title: str = "", diagnosis: str = "", remediations: str = "") -> Json:
    texts = {"title": title, "description": "", "diagnosis": diagnosis, "remediations": remediations, "variables": {}}
    return {"level": level, "id": id, **texts}


CONVERT2RHEL_PRE: Json = {
    "format_version": "1.2",
    "status": "ERROR",
    "actions": {
        "KEPT_MOUNTS": {"messages": [], "result": _told("SUCCESS", "SUCCESS")},
        "PACKAGES": {
            "messages": [_told("WARNING", "FOREIGN", "Packages of others", "agent-1 is not of the distribution.")],
            "result": _told("SUCCESS", "SUCCESS"),
        },
        "NEWEST_KERNEL": {
            "messages": [],
            "result": _told(
                "OVERRIDABLE", "OLD", "The kernel is not the newest", "3.10 runs, 3.11 is there.", "Update and restart."
            ),
        },
        "REPOSITORIES": {"messages": [], "result": _told("ERROR", "SILENT", "No repository answers", "rhui does not answer.", "")},
    },
}
_MESSAGE: Json = {
    "type": "object",
    "required": ["level", "title", "description", "diagnosis", "id", "variables"],
    "properties": {"id": {"type": "string", "pattern": "^[A-Z0-9_]+$"}},
}
CONVERT2RHEL_SCHEMA: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["actions", "format_version", "status"],
    "properties": {
        "format_version": _TEXT,
        "status": {"enum": ["SUCCESS", "INFO", "WARNING", "SKIP", "OVERRIDABLE", "ERROR"]},
        "actions": {
            "type": "object",
            "patternProperties": {
                "^[A-Z0-9_]+$": {
                    "additionalProperties": False,
                    "properties": {"messages": {"type": "array", "items": _MESSAGE}, "result": _MESSAGE},
                }
            },
        },
    },
}


def _activity(kind: str, success: bool) -> Json:
    return {
        "activity": kind,
        "packages": [{"nevra": "tool-1.0-1.noarch", "signature": "none"}],
        "executed": "tool",
        "success": success,
        "activity_started": "2026-11-01T08:00:00Z",
        "activity_ended": "2026-11-01T09:00:00Z",
        "source_os": "CentOS Linux 7.9",
        "target_os": "Red Hat Enterprise Linux 7.9",
        "env": {},
        "run_id": "null",
        "version": "1",
    }


MIGRATION_RESULTS: Json = {"activities": [_activity("conversion", True), _activity("upgrade", False)]}
RESULTS_SCHEMA: Json = {
    "type": "object",
    "required": ["activities"],
    "properties": {
        "activities": {
            "type": "array",
            "items": {
                "required": sorted(_activity("upgrade", True)),
                "properties": {"activity": {"enum": ["conversion", "upgrade"]}, "success": {"type": "boolean"}},
            },
        }
    },
}
