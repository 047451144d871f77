"""Reports and logs modelled on public ones, with our own words and data. README.md names the source of each."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_ENTRY: Json = {
    "hostname": "guest-1",
    "severity": "high",
    "timeStamp": "2026-11-01T00:00:00.000000Z",
    "actor": "an_actor",
    "audience": "sysadmin",
    "key": "0" * 40,
    "id": "1" * 64,
}
NO_MARKS: Json = {**_ENTRY, "title": "Repositories are left out", "summary": "They are not supported."}
_ERROR: Json = {
    **_ENTRY,
    "title": "Packages for the target cannot be installed",
    "summary": '{"details": "The proxy may be wrong.", "stderr": "Curl error (56): the peer sends nothing\\n", '
    '"hint": "Correct the proxy in /etc/dnf/dnf.conf."}',
}
ERROR_120: Json = {**_ERROR, "groups": ["error"]}
ERROR_110: Json = {**_ERROR, "flags": [], "tags": ["error"]}
NO_SPACE: Json = {
    **_ENTRY,
    "title": "Not enough space available on /var/lib/leapp/scratch: Needed at least 4000 MiB.",
    "summary": '{"detail": "The file system of that folder is too small."}',
    "groups": ["error"],
}
WITHOUT_REMEDY: Json = {**_ENTRY, "title": "The release is not supported", "summary": "8.8 is.", "groups": ["inhibitor"]}
WITH_PLAYBOOK: Json = {
    **WITHOUT_REMEDY,
    "detail": {
        "remediations": [
            {"type": "playbook", "context": "/usr/share/plays/cgroups.yml"},
            {"type": "command", "context": ["grubby", "--remove-args=old"]},
        ]
    },
}


def _told(level: str, id: str, title: str, **more: str) -> Json:
    texts = {"title": title, "description": "", "diagnosis": "", "remediation": "", **more}
    return {"level": level, "id": id, "variables": {}, **texts}


_GOOD = _told("SUCCESS", "SUCCESS", "")
CONVERT2RHEL_10: Json = {
    "actions": {
        "TAINTED_KMODS": {"messages": [], "result": _GOOD},
        "PACKAGE_UPDATES": {
            "messages": [
                _told("WARNING", "PACKAGE_NOT_UP_TO_DATE_MESSAGE", "Packages are out of date", diagnosis="8 packages:\nkernel ...")
            ],
            "result": _told("SUCCESS", "OUT_OF_DATE_PACKAGES", "Packages are out of date"),
        },
        "REMOVE_EXCLUDED_PACKAGES": {
            "messages": [_told("INFO", "EXCLUDED_PACKAGES_REMOVED", "Packages were removed", diagnosis="None.")],
            "result": _GOOD,
        },
        "IS_LOADED_KERNEL_LATEST": {
            "messages": [],
            "result": _told(
                "ERROR",
                "INVALID_KERNEL_VERSION",
                "The running kernel is not the newest",
                diagnosis="Newest: 95\n Running: 92",
                remediation="Update the kernel:\n\n1. install it\n2. restart",
            ),
        },
        "SUBSCRIBE_SYSTEM": {
            "messages": [],
            "result": _told("ERROR", "FAILED_TO_DISABLE", "Repositories cannot be turned off", diagnosis="N/A", remediation="N/A"),
        },
        "ENSURE_KERNEL_MODULES_COMPATIBILITY": {
            "messages": [],
            "result": _told("SKIP", "SKIP", "Skipped", diagnosis="SUBSCRIBE_SYSTEM was not successful."),
        },
    },
    "format_version": "1.0",
}

CENTOS2ANOLIS: Json = {
    "Timestamp": 1793491200,
    "ProgressInfo": "install epel-release",
    "Progress": 0,
    "ErrorCode": 103,
    "ErrorMsg": "Error: No package epel-release available.",
}

LOGS = [
    (
        "UPGRADE INHIBITED\n\nUpgrade has been inhibited due to the following problems:\n    1. Inhibitor: Links are absolute\n"
        "Consult the report for details.\n",
        "Upgrade has been inhibited due to the following problems: 1. Inhibitor: Links are absolute",
    ),
    (
        "Upgrade has been inhibited due to the following problems:\n    1. Packages with an old signature\n    2. Links\n"
        "Reports summary:\n    Errors:                      0\n",
        "Upgrade has been inhibited due to the following problems: 1. Packages with an old signature",
    ),
    (
        "2026-11-01 00:00:00.1 [ERROR] Actor: a_check\nMessage: The architecture is not supported\n",
        "2026-11-01 00:00:00.1 [ERROR] Actor: a_check",
    ),
    (
        "[2026-11-01T00:00:00+0000] TASK - [Prepare: Turn off all repositories] ***\nCRITICAL - Could not turn off repositories:\n"
        "This system has none.\n\nERROR - Skipped A_CHECK.\n",
        "CRITICAL - Could not turn off repositories: This system has none.",
    ),
    ("all is well\nERROR - a thing broke:", "ERROR - a thing broke:"),
]
"""Logs, each with the text that must be shown of it."""
