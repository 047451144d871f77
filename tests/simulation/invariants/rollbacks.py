"""Invariant 13 for rollbacks: a person requested each rollback, or acknowledged that it comes automatically; and enough
persons approved it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime, timedelta
from urllib.parse import unquote

from tests.simulation import records
from tests.simulation.frames import Frame
from tests.simulation.invariants.approved import Given
from tests.simulation.invariants.scene import Checker, Found, Sight
from tests.simulation.records import BATCHES, HOLD, JOURNAL, LOCKS, MIGRATIONS, Columns, Line, State, line, numbered
from tests.simulation.truth import Change

UNASKED = "are reset to the snapshots without asking"
"""A part of the sentence about automatic rollbacks that a person acknowledges."""
OPERATOR = "x-replank-operator"


class RollbacksAllowed(Checker):
    """13. Each rollback was requested or is allowed by an acknowledged policy, and has the approvals that the policy requires."""

    number, name = 13, "rollbacks allowed"

    def __init__(self) -> None:
        self._given: dict[str, list[Given]] = defaultdict(list)
        """By batch: the approvals of rollbacks."""
        self._held_since: int | None = None
        """The row change at which the current hold began."""
        self._acknowledged: dict[str, str] = {}
        """By batch: the acknowledged policy and selection."""
        self._changed: dict[str, tuple[str, int]] = {}
        """By batch: its policy and selection, and the row change that set them."""

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table == LOCKS and change.key[0] == HOLD:
            held = records.holds(change.after)
            self._held_since = (self._held_since or scene.truth.count) if held else None
        if change.table == BATCHES and change.after is not None:
            yield from self._noted(change, scene)
        if change.table != MIGRATIONS or change.after is None:
            return
        if (change.before or {}).get("state") != "rolling_back" == change.after["state"]:
            written = line(change.after[numbered(JOURNAL, change.after["version"])])
            yield from self._begun(change.key[0], change.before or {}, written, scene)

    def _noted(self, change: Change, scene: Sight) -> Found:
        batch_id, before, after = change.key[0], change.before or {}, change.after or {}
        if self._changed.get(batch_id, ("", 0))[0] != _chosen(after):
            self._changed[batch_id] = (_chosen(after), scene.truth.count)
        if scene.truth.batches[batch_id].acknowledgement is not None:
            self._acknowledged.setdefault(batch_id, _chosen(after))
        for name in sorted(name for name in after if name.startswith(JOURNAL) and name not in before):
            given = json.loads(after[name]).get("approval") or {}
            if not str(given.get("about", "")).startswith("rollback "):
                continue
            path, sender = _request(scene.frame)
            if path != f"migrations/{given['about'].split()[1]}/approvals" or sender != given["by"]:
                asked = f"asked for by {sender or 'nobody'} in {path or 'no request'}"
                yield f"an approval of {given['by']} for the {given['about']} was noted, {asked}"
            at = records.moment(given["at"])
            assert at is not None
            self._given[batch_id].append(Given(given["about"], given["by"], at, _chosen(after)))

    def _begun(self, id: str, before: Columns, written: Line, scene: Sight) -> Found:
        migration = scene.truth.migrations[id]
        path, _ = _request(scene.frame)
        if path in (f"migrations/{id}/retry", f"batches/{migration.batch_id}/retry"):
            return  # a failed rollback that was begun before continues
        if path not in (f"migrations/{id}/rollback", f"batches/{migration.batch_id}/rollback"):
            yield from self._unasked(id, before, written, scene)
        missing = self._missing(id, before, scene)
        if missing:
            yield f"the rollback of {id} began {missing}"

    def _unasked(self, id: str, before: Columns, written: Line, scene: Sight) -> Found:
        """Check the acknowledged text and policy of an automatic rollback, and that no hold forbids it."""
        batch_id = scene.truth.migrations[id].batch_id
        batch, failure = scene.truth.batches[batch_id], json.loads(before["doc"]).get("failure") or {}
        given = batch.acknowledgement
        if given is None or not batch.policy.automatic_rollback or not any(UNASKED in each for each in given.text):
            yield f"{id} is rolled back, and nobody asked for it or acknowledged that it may be"
        elif written.by != given.operator:
            yield f"{id} is rolled back unasked in the name of {written.by}; {given.operator} acknowledged that"
        elif self._acknowledged.get(batch_id) != self._changed[batch_id][0] and self._changed[batch_id][1] < scene.began:
            yield f"{id} is rolled back unasked by another policy than the one acknowledged"
        if before["state"] != State.FAILED.value or failure.get("stage") != "validate":
            yield f"{id} is rolled back unasked, and its validation has not failed"
        if self._held_since is not None and self._held_since <= scene.began:
            yield f"{id} is rolled back unasked while everything is held"

    def _missing(self, id: str, before: Columns, scene: Sight) -> str:
        batch_id = scene.truth.migrations[id].batch_id
        policy, doc = scene.truth.batches[batch_id].policy, json.loads(before["doc"])
        if self._changed[batch_id][1] >= scene.began > 0:
            return ""  # the policy changed while the stage ran
        wanted, lasts = policy.rollback_approvals, timedelta(minutes=policy.approval_min)
        about, chosen = f"rollback {id} {doc['entered_version']}", _chosen(scene.truth.batch_rows[batch_id])
        found = [each for each in self._given[batch_id] if (each.about, each.chosen) == (about, chosen)]
        persons = {each.by for each in found if _counts(each.at, lasts, scene)}
        if wanted > 1:
            persons -= {json.loads(scene.truth.batch_rows[batch_id]["doc"])["created_by"]}
        return f"with {len(persons)} of {wanted} approvals" if len(persons) < wanted else ""


def _counts(at: datetime, lasts: timedelta, scene: Sight) -> bool:
    return scene.asked < at + lasts


def _chosen(row: Columns) -> str:
    doc, asked = (records.without_later(json.loads(row.get(name, "{}"))) for name in ("doc", "doc_asked"))
    return json.dumps([asked.get("policy", doc.get("policy")), doc.get("selection")], sort_keys=True)


def _request(frame: Frame | None) -> tuple[str, str]:
    """The path and the sender of the current request; empty outside the API."""
    if frame is None or frame.function != "api":
        return "", ""
    request = json.loads(frame.payload)
    headers = {name.lower(): value for name, value in request.get("headers", {}).items()}
    path = str(request.get("requestContext", {}).get("http", {}).get("path", "")).strip("/").removeprefix("v1/")
    return path, unquote(str(headers.get(OPERATOR, "")))
