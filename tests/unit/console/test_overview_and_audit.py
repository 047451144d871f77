"""The overview leaves out what needs no action. The audit links to the objects of the acts."""

from __future__ import annotations

from typing import Any

import pytest

from console.attention import is_empty, needs_acknowledgement, of_batch
from tests.unit.console.test_console import HOSTILE, ApiTable, ask

BATCH, MIGRATION = "b19116333512371e0", "m0123456789abcdef"


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        ({"size": 2}, ["acknowledge", "approve"]),
        ({"size": 0}, []),
        ({"size": 0, "state": "planning"}, ["approve"]),
        ({}, ["acknowledge", "approve"]),
    ],
    ids=["instances", "none", "not planned yet", "an API that tells no size"],
)
def test_a_batch_without_instances_needs_nobody(more: dict[str, Any], kinds: list[str]) -> None:
    standing = {"batchId": BATCH, "state": "open", "approvals": [{"missing": 1}], **more}
    assert [each.kind for each in of_batch(standing)] == kinds
    assert needs_acknowledgement(standing) == ("acknowledge" in kinds)
    assert is_empty(standing) == (not kinds)


def test_the_overview_lists_no_batch_without_instances() -> None:
    batches: list[dict[str, Any]] = [{"batchId": f"b{size}", "state": "open", "size": size, "counts": {}} for size in (0, 1)]
    answers: dict[str, Any] = {f"GET /batches/{each['batchId']}": (200, each) for each in batches}
    listed: dict[str, Any] = {"GET /batches": (200, {"batches": batches, "nextToken": ""})}
    beside: dict[str, Any] = {f"GET /{name}": (200, {}) for name in ("hold", "stuck", "accounts")}
    beside["GET /needs"] = (200, {"batches": batches, "nextToken": "", "lookedInto": 2})
    _, body, _ = ask(ApiTable(**answers, **listed, **beside), "GET", "/console/")
    assert ("/console/batches/b1" in body, "/console/batches/b0" in body) == (True, False)


@pytest.mark.parametrize(
    ("target", "page"),
    [(BATCH, f"/console/batches/{BATCH}"), (MIGRATION, f"/console/migrations/{MIGRATION}"), ("", ""), (HOSTILE, "")],
)
def test_a_line_of_the_audit_leads_to_its_target(target: str, page: str) -> None:
    line = {"at": "2026-11-23T08:00:00Z", "who": "ann", "act": "pauseBatch", "target": target, "status": 200}
    api = ApiTable(**{"GET /audit": (200, {"lines": [line], "nextToken": ""})})
    _, body, _ = ask(api, "GET", "/console/audit")
    assert (f'<a href="{page}">{target}</a>' in body) == bool(page)
    assert "<script>alert" not in body
