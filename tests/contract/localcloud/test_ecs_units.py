"""A guest's units: each act happens in the unit's own order, even if several acts are overdue at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.ecs.detached import Detached

STEPS: list[tuple[int, dict[str, Any], str]] = [(0, {}, ""), (5, {}, ""), (5, {}, "reboot"), (5, {}, "end 0"), (6, {}, "")]


def test_the_acts_of_a_unit_are_due_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler may carry out overdue jobs in any order. A unit that ended first would leave its last changes out."""
    jobs: list[tuple[int, dict[str, Any]]] = []
    scheduler = SimpleNamespace(at=lambda at, kind, payload, **more: jobs.append((at, payload)), on=lambda *rest: None)
    done: list[str] = []
    cloud = SimpleNamespace(
        db=SimpleNamespace(put_blob=lambda *rest: None, blob=lambda digest: b"{}"), scheduler=scheduler, outside={}
    )
    world: Any = SimpleNamespace(cloud=cloud, now=1000)
    recorder: Any = SimpleNamespace(steps=STEPS)
    detached = Detached(world, SimpleNamespace(host=None), SimpleNamespace(booted=None, drive=lambda *rest: None))  # type: ignore[arg-type]
    monkeypatch.setattr(detached, "_current", lambda payload: {"InstanceId": "i-1"})
    monkeypatch.setattr(detached, "_end", lambda instance, failed: None)
    detached._schedule({"instance": "i-1"}, recorder)
    due = []
    while jobs:
        assert len(jobs) == 1, "no other order is possible"
        at, payload = jobs.pop()
        due.append(at)
        done.append(payload["action"])
        detached._step(payload)
    assert due == [1000, 1005, 1005, 1005, 1006]
    assert done == ["", "", "reboot", "end 0", ""]
