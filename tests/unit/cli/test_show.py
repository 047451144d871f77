"""What `replank show` prints of one migration."""

from __future__ import annotations

from typing import Any

import pytest

from cli.migrations import _print_migration

MIGRATION: dict[str, Any] = {
    "migrationId": "m1",
    "batchId": "b1",
    "instanceId": "i-1",
    "instanceName": "web",
    "regionId": "cn-hangzhou",
    "source": "CentOS 7.9",
    "destination": "rhel-7",
    "route": [],
    "state": "rolled_back",
    "enteredAt": "2026-11-01T08:00:00Z",
    "dryRun": False,
    "version": 9,
    "attempt": 2,
    "restarts": 0,
    "snapshotsMade": 1,
    "snapshotsSwept": 0,
    "waitsFor": "",
    "failure": None,
    "findings": [],
    "acts": [],
}


def test_the_log_of_a_tool_that_failed_is_printed_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    log = {"at": "2026-11-01T07:00:00Z", "hop": 0, "attempt": 1, "text": "Replacing packages\nError: it was aborted"}
    _print_migration({**MIGRATION, "toolLog": log})
    said = capsys.readouterr().out
    assert "when attempt 1 failed" in said
    assert "\n  Replacing packages\n  Error: it was aborted\n" in said


@pytest.mark.parametrize("more", [{}, {"toolLog": None}], ids=["an older API", "no log"])
def test_without_a_log_nothing_is_said_of_one(capsys: pytest.CaptureFixture[str], more: dict[str, Any]) -> None:
    _print_migration({**MIGRATION, **more})
    assert "log" not in capsys.readouterr().out
