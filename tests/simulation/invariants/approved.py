"""The approvals of persons, read from their own requests, with the policy and the selection that each approval is for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from tests.simulation import records
from tests.simulation.frames import Frame
from tests.simulation.invariants.scene import Found, Sight
from tests.simulation.records import Columns
from tests.simulation.truth import Change

BATCH, WAVE = "batch", "wave "
OPERATOR, TOKEN = "x-replank-operator", "x-replank-token"


@dataclass(frozen=True)
class Given:
    """One approval: who gave it, for which act, when, and the policy and selection of the batch at that time."""

    about: str
    by: str
    at: datetime
    chosen: str


class Approved:
    """Remembers the approvals. ``against`` returns the approvals that were missing at a start."""

    def __init__(self) -> None:
        self._given: dict[str, list[Given]] = {}
        self._changed: dict[str, tuple[str, int]] = {}
        """By batch: its policy and selection, and the row change that set them."""

    def row(self, change: Change, scene: Sight) -> Found:
        """Check that a new approval comes from a request that names the batch, sent by the person in the approval."""
        batch_id, before, after = change.key[0], change.before or {}, change.after or {}
        chosen = _chosen(after)
        if self._changed.get(batch_id, ("", 0))[0] != chosen:
            self._changed[batch_id] = (chosen, scene.truth.count)
        known = [_told(each) for each in records.control(before).get("approvals", [])]
        for each in (each for each in records.control(after).get("approvals", []) if _told(each) not in known):
            http = _request(scene.frame)
            path, sender = str(http.get("path", "")).strip("/").removeprefix("v1/"), http.get("operator", "")
            if path != f"batches/{batch_id}/approvals" or sender != each["by"]:
                asked = f"asked for by {sender or 'nobody'} in {path or 'no request'}"
                yield f"an approval of {each['by']} for {batch_id} was noted, {asked}"
            yield from _may_approve(batch_id, each["by"], http, scene)
            at = records.moment(each["at"])
            assert at is not None
            self._given.setdefault(batch_id, []).append(Given(each["about"], each["by"], at, chosen))

    def against(self, batch_id: str, scene: Sight) -> str:
        """The approvals that were missing when something new started in the batch. A change made while the stage ran is allowed."""
        wanted = scene.truth.batches[batch_id].policy.approvals
        return self._missing(batch_id, BATCH, wanted, scene)

    def wave(self, change: Change, scene: Sight) -> Found:
        """Check that a wave which begins has the approvals that the policy requires."""
        was, now = records.control(change.before or {}), records.control(change.after or {})
        if now.get("wave", 0) == was.get("wave", 0):
            return
        wanted = scene.truth.batches[change.key[0]].policy.wave_approvals
        missing = self._missing(change.key[0], f"{WAVE}{now['wave'] + 1}", wanted, scene)
        if missing:
            yield f"wave {now['wave'] + 1} of {change.key[0]} began {missing}"

    def _missing(self, batch_id: str, about: str, wanted: int, scene: Sight) -> str:
        chosen, since = self._changed.get(batch_id, ("", 0))
        if not wanted or since >= scene.began > 0:
            return ""
        lasts = timedelta(minutes=scene.truth.batches[batch_id].policy.approval_min)
        found = [each for each in self._given.get(batch_id, []) if (each.about, each.chosen) == (about, chosen)]
        persons = {each.by for each in found if scene.asked < each.at + lasts}
        if wanted > 1:
            persons -= {json.loads(scene.truth.batch_rows[batch_id]["doc"])["created_by"]}
        return f"with {len(persons)} of {wanted} approvals" if len(persons) < wanted else ""


def _may_approve(batch_id: str, by: str, http: dict[str, str], scene: Sight) -> Found:
    """Check that the policy's role and trust allow the person to approve. An admin may always approve."""
    policy = scene.truth.batches[batch_id].policy
    if policy.approver_trust == "verified" and not http.get("token"):
        yield f"an approval of {by} for {batch_id} was noted, and nobody has verified that name"
    if scene.roles and not scene.roles.get(by, frozenset()) & {policy.approver_role, "admin"}:
        yield f"an approval of {by} for {batch_id} was noted, whose role is not {policy.approver_role}"


def waits_for_approval(row: Columns, batch: records.Batch, now: datetime) -> bool:
    """Whether the policy requires approvals before anything new starts in the batch. Those of an earlier policy do not count."""
    since = max((line["at"] for line in _journal(row) if line["act"] == "set policy"), default="")
    lasts = timedelta(minutes=batch.policy.approval_min)
    given = [each for each in records.control(row).get("approvals", []) if each["about"] == BATCH and each["at"] > since]
    counted = {each["by"] for each in given if now < datetime.fromisoformat(each["at"].replace("Z", "+00:00")) + lasts}
    return len(counted) < batch.policy.approvals


def _journal(row: Columns) -> list[Columns]:
    return [json.loads(row[name]) for name in row if name.startswith(records.JOURNAL)]


def _told(approval: Columns) -> tuple[str, ...]:
    """The fields that identify an approval. Another version of the code may add fields, which are ignored."""
    return approval["about"], approval["by"], approval["at"]


def _chosen(row: Columns) -> str:
    doc = records.without_later(json.loads(row["doc"]))
    return json.dumps([doc.get("policy"), doc.get("selection")], sort_keys=True)


def _request(frame: Frame | None) -> dict[str, str]:
    """The path, the sender and the token of the current request."""
    if frame is None or frame.function != "api":
        return {}
    request = json.loads(frame.payload)
    headers = {name.lower(): value for name, value in request.get("headers", {}).items()}
    said = {"operator": unquote(str(headers.get(OPERATOR, ""))), "token": str(headers.get(TOKEN, ""))}
    return {**request.get("requestContext", {}).get("http", {}), **said}
