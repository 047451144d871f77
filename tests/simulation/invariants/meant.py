"""Invariant 13: an act applies to the version that the person saw, and the person's own commands run only after the
acknowledgement.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from typing import Any

from tests.simulation.acts import decoded
from tests.simulation.frames import Frame
from tests.simulation.invariants.scene import STAGES, Checker, Found, Sight
from tests.simulation.records import (
    AT_BUDGET,
    BATCHES,
    FAILED,
    FORGIVEN,
    GOES_ON,
    HOLD,
    LOCKS,
    MIGRATIONS,
    MOVED,
    STOPPED,
    TERMINAL,
    Columns,
    Line,
    Migration,
    State,
    control,
    holds,
    line,
    numbered,
)
from tests.simulation.scenario import FOREIGN
from tests.simulation.truth import Change, Effect

JOURNAL = "change_"
NAMED_SOURCE, MAY_SAY = "acs.test", frozenset({"releases", "endOfSupport", "regionIds", "instanceIds"})
"""For notices: the source that the deployment accepts, and the allowed fields (docs/operations.md)."""
LAG_MS = 180_000
"""How far the list of an instance's migrations may lag behind."""
Seen = tuple[str, int, int]
"""What a person sees of a migration: state, hop, attempt. The attempt is the one in which the migration entered the state: a
ready migration that releases its slot before it begins counts an attempt more, and shows a person nothing new.
"""


class AsMeant(Checker):
    """13. An act applies to the migration and version that the person saw. Commands of others run only after the
    acknowledgement.
    """

    number, name = 13, "as meant"

    def __init__(self) -> None:
        self._shown: dict[str, dict[int, Seen]] = defaultdict(dict)
        """By migration and version: what a person saw."""
        self._acknowledged: set[str] = set()
        """The batches that a person's request has acknowledged."""
        self._resumed: dict[str, tuple[int, str]] = {}
        """By batch: the row change that ended its last stop, and the person who had stopped it."""

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table == BATCHES:
            yield from self._noted(change, scene)
        if change.table == LOCKS and change.key[0] == HOLD and scene.frame is not None:
            yield from _of_the_hold(change, scene.frame)
        if change.table != MIGRATIONS or change.after is None:
            return
        before = self._shown[change.key[0]].get((change.before or {}).get("version", 0))
        if change.before is not None and change.after["version"] == change.before["version"]:
            return
        written = line(change.after[numbered(JOURNAL, change.after["version"])])
        stayed = before if written.from_state is written.to_state else None
        self._shown[change.key[0]][change.after["version"]] = stayed or _seen(change.key[0], scene)
        if change.before is None:
            return
        unasked = written.to_state is State.ROLLING_BACK and not _path(scene.frame)  # another checker judges automatic rollbacks
        if written.by not in STAGES and not unasked and not self._is_of_the_stop(change.key[0], written, scene):
            yield from self._act(change.key[0], change.before, before, scene)

    def _noted(self, change: Change, scene: Sight) -> Found:
        batch = scene.truth.batches[change.key[0]]
        stop = control(change.before or {})
        if stop["brake"] == STOPPED != control(change.after or {})["brake"]:
            self._resumed[batch.batch_id] = (scene.truth.count, stop["by"])
        if change.before is not None and change.after is not None and scene.frame is not None:
            yield from _of_the_batch(change, change.before, change.after, scene.frame)
        if change.before is None and _is_strange(scene.frame):
            yield f"{batch.batch_id} was made of a stranger's notice"
        if batch.acknowledgement is None or batch.batch_id in self._acknowledged:
            return
        self._acknowledged.add(batch.batch_id)
        path = _path(scene.frame)
        if path != ["batches", batch.batch_id, "acknowledgement"]:
            yield f"{batch.batch_id} was acknowledged, and nobody has asked for it (in {'/'.join(path) or 'no request'})"

    def _act(self, id: str, row: Columns, before: Seen | None, scene: Sight) -> Found:
        """The current request must name this migration (or its batch). The version in the request must show the same as the
        current one.
        """
        path, migration = _path(scene.frame), scene.truth.migrations[id]
        if path[:2] not in (["migrations", id], ["batches", migration.batch_id]):
            yield f"an act was applied to {id}, and the request names {'/'.join(path) or 'nothing'}"
        if scene.named:
            yield from self._named(migration, scene)
        version = _version(scene.frame, id)
        if version is None:
            yield f"an act was applied to {id}, and the request does not say which version the person saw"
        elif self._shown[id].get(version) != before:
            yield f"an act meant for version {version} of {id} was applied to version {row['version']}"

    def _is_of_the_stop(self, id: str, written: Line, scene: Sight) -> bool:
        """Whether the tick cancels the migration because that person stopped the batch. The stop may have ended a moment
        after the tick began.
        """
        batch_id = scene.truth.migrations[id].batch_id
        if scene.frame is None or scene.frame.function != "watch" or written.to_state is not State.CANCELLED:
            return False
        now = control(scene.truth.batch_rows[batch_id])
        since, by = self._resumed.get(batch_id, (0, ""))
        return (now["brake"], now["by"]) == (STOPPED, written.by) or (since >= scene.began > 0 and by == written.by)

    @staticmethod
    def _named(migration: Migration, scene: Sight) -> Found:
        """A request that names an instance means its only open migration that is not a dry run. If there are several, the
        request must be refused.
        """
        if migration.instance_id != scene.named or scene.batch(migration).dry_run:
            yield f"an act for {scene.named} was applied to {migration.migration_id}, which cannot be meant"
        now = scene.truth.cloud.clock.now_ms()
        for other in scene.truth.of_instance(scene.named):
            since = scene.truth.past[other.migration_id][-1][1]
            seen = now - since > LAG_MS and other.state not in TERMINAL | {State.CONFIRMED}
            if other.migration_id != migration.migration_id and seen and not scene.batch(other).dry_run:
                yield f"an act for {scene.named} was applied to {migration.migration_id}, and {other.migration_id} is open too"

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if not effect.ours or effect.operation not in ("RunCommand", "InvokeCommand"):
            return
        kept = effect.operation == "InvokeCommand"
        script = scene.truth.script(effect.answer["InvokeId"]) if kept else decoded(effect.params.get("CommandContent", ""))
        if FOREIGN in script:
            yield f"{FOREIGN!r} of a stranger's notice was sent to {', '.join(effect.params['InstanceId'])}"
        for check in {batch.policy.check for batch in scene.truth.batches.values() if batch.policy.check}:
            if check in script:
                for instance_id in effect.params["InstanceId"]:
                    yield from self._allowed(instance_id, check, scene)

    def _allowed(self, instance_id: str, check: str, scene: Sight) -> Found:
        own = [scene.truth.batches[each.batch_id] for each in scene.truth.of_instance(instance_id)]
        if not any(each.policy.check == check and each.batch_id in self._acknowledged for each in own):
            yield f"{check!r} was sent to {instance_id}, and nobody has acknowledged its batch"


def _of_the_hold(change: Change, frame: Frame) -> Found:
    """Only a person's request sets or releases the hold, and a release must name the current version of the hold."""
    path, before = _path(frame), change.before or {}
    wanted = ["hold"] if holds(change.after) else ["hold", "release"]
    if path != wanted:
        yield f"the hold was changed by {frame.function}, asked for {'/'.join(path) or 'nothing'}"
    elif wanted == ["hold", "release"] and _body(frame)["version"] != before.get("version", 0):
        yield f"a release meant for version {_body(frame)['version']} of the hold was applied to {before.get('version', 0)}"


def _of_the_batch(change: Change, before: Columns, after: Columns, frame: Frame) -> Found:
    """Only a person's request pauses, resumes or stops a batch, at the version in the request. At its budget, the batch
    pauses by itself.
    """
    was, now, path = _last_act(before), _last_act(after), _path(frame)
    forgiven = {name for name in after if name.startswith(FORGIVEN) and before.get(name) != after[name]}
    resumed = path == ["batches", change.key[0], "resume"]
    if forgiven and not (resumed and was["brake"] == AT_BUDGET):
        yield f"failures of {change.key[0]} were taken off the count by {frame.function}, asked for {'/'.join(path) or 'nothing'}"
    if resumed and was != now and _body(frame)["failed"] != len(_counted(before)):
        yield f"a resume meant for {_body(frame)['failed']} failures of {change.key[0]} was applied to {len(_counted(before))}"
    if was == now or (now["brake"] == AT_BUDGET and was["brake"] == GOES_ON and frame.function == "watch"):
        return
    if now["brake"] == STOPPED and frame.function == "watch" and _may_lapse(after):
        return
    verb = _VERBS.get(now["brake"], "")
    if path != ["batches", change.key[0], verb]:
        yield f"{change.key[0]} is {now['brake']} by {frame.function}, asked for {'/'.join(path) or 'nothing'}"
    elif _version(frame, "") != before["version"]:
        yield f"a {verb} meant for version {_version(frame, '')} of {change.key[0]} was applied to {before['version']}"


def _last_act(row: Columns) -> dict[str, Any]:
    """The last person who paused, resumed or stopped the batch. The progress of the waves is ignored."""
    said = control(row)
    return {name: said[name] for name in ("brake", "by", "at", "why")}


def _may_lapse(row: Columns) -> bool:
    """Whether the batch stops by itself when its approvals expire."""
    policy = json.loads(row["doc"])["policy"]
    asks = policy.get("approvals", 0) or policy.get("wave_approvals", 0)
    return bool(asks) and policy.get("approval_expiry", "hold") == "cancel"


_VERBS = {GOES_ON: "resume", "paused": "pause", STOPPED: "stop"}


def _counted(row: Columns) -> list[str]:
    """The failures that count in a batch's row."""
    noted = {name[len(FAILED) :]: attempt for name, attempt in row.items() if name.startswith(FAILED)}
    return [id for id, attempt in noted.items() if attempt > row.get(FORGIVEN + id, 0) and attempt >= row.get(MOVED + id, 0)]


def _is_strange(frame: Frame | None) -> bool:
    """Whether the current notice is not allowed: it has another source, or contains more than the affected instances."""
    if frame is None or frame.function != "intake":
        return False
    event = json.loads(frame.payload)
    if not isinstance(event, dict) or not str(event.get("type", "")).endswith(":EndOfLife") or event["source"] == "replank":
        return False
    return event["source"] != NAMED_SOURCE or bool(set(event["data"]) - MAY_SAY)


def _seen(id: str, scene: Sight) -> Seen:
    migration = scene.truth.migrations[id]
    return migration.state.value, migration.hop, migration.attempt


def _request(frame: Frame | None) -> dict[str, Any]:
    if frame is None or frame.function != "api":
        return {}
    request: dict[str, Any] = json.loads(frame.payload)
    return request


def _body(frame: Frame | None) -> dict[str, Any]:
    """The body of the current request."""
    request = _request(frame)
    text = request.get("body") or "{}"
    body: dict[str, Any] = json.loads(base64.b64decode(text) if request.get("isBase64Encoded") else text)
    return body


def _path(frame: Frame | None) -> list[str]:
    """The parts of the current request's path, without the API's version."""
    http = _request(frame).get("requestContext", {}).get("http", {})
    parts = [part for part in str(http.get("path", "")).split("/") if part]
    return parts[1:] if parts[:1] == ["v1"] else parts


def _version(frame: Frame | None, id: str) -> int | None:
    """The version of the migration that the person saw: in If-Match, or beside the migration's id in the body."""
    request = _request(frame)
    headers = {name.lower(): value for name, value in request.get("headers", {}).items()}
    text = str(headers.get("if-match", "")).strip('W/"')
    if text.isdigit():
        return int(text)
    named = _body(frame).get("migrations", [])
    return next((each["version"] for each in named if each["migrationId"] == id), None)
