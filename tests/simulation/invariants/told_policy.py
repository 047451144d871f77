"""Invariant 15: the journal of a batch tells each change of its policy, so that it gives the policy in force at each instant."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote

from tests.simulation.frames import Frame
from tests.simulation.invariants.scene import Checker, Found, Sight
from tests.simulation.records import BATCHES, JOURNAL, Columns, without_later
from tests.simulation.truth import Change

ACT = "set policy"
OPERATOR = "x-replank-operator"
FOR_OLDER_VERSIONS = "window"
"""The row may have a window that never opens, for older versions. People do not see it, and the journal does not tell it."""


class PolicyInJournal(Checker):
    """15. The policy changes only by a person's act, on the version that the person saw, with before and after in the journal."""

    number, name = 15, "policy in the journal"

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table != BATCHES or change.before is None or change.after is None:
            return
        before, after = _policy(change.before), _policy(change.after)
        new = [name for name in change.after if name.startswith(JOURNAL) and name not in change.before]
        lines = [line for line in (json.loads(change.after[name]) for name in new) if line["act"] == ACT]
        if not lines:
            if before != after:
                yield f"the policy of {change.key[0]} changed, and its journal does not tell it"
            return
        yield from _asked_for(change.key[0], change.before, lines[0], scene.frame)
        yield from _complete(change.key[0], lines[0], before, after)


def _asked_for(batch_id: str, before: Columns, line: dict[str, Any], frame: Frame | None) -> Found:
    """Check that the author of the line sent the request, for the version that was changed."""
    request = json.loads(frame.payload) if frame is not None and frame.function == "api" else {}
    http = request.get("requestContext", {}).get("http", {})
    headers = {name.lower(): str(value) for name, value in request.get("headers", {}).items()}
    path = str(http.get("path", "")).strip("/").removeprefix("v1/")
    sender, seen = unquote(headers.get(OPERATOR, "")), headers.get("if-match", "").strip('W/"')
    if path != f"batches/{batch_id}/policy" or sender != line["by"]:
        yield f"{line['by']} changed the policy of {batch_id}, asked for by {sender or 'nobody'} in {path or 'no request'}"
    elif seen != str(before["version"]):
        yield f"a policy meant for version {seen} of {batch_id} was set on version {before['version']}"
    elif line.get("why", "") != _body(request).get("why", ""):
        yield f"the journal of {batch_id} gives another reason for a new policy than the person did"


def _complete(batch_id: str, line: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> Found:
    """Check that the line tells every field that differs between the two rows, with both values."""
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} - {FOR_OLDER_VERSIONS}
    for word, row in (("before", before), ("after", after)):
        told = line.get(word, {})
        for name in sorted(names):
            if _api_name(name) not in told:
                yield f"the journal of {batch_id} does not tell {_api_name(name)} {word} its change"
            elif name in row and without_later(json.loads(told[_api_name(name)])) != row[name]:
                yield f"the journal of {batch_id} tells another {_api_name(name)} {word} its change than the row"
        for name in sorted(set(told) - {_api_name(each) for each in names | {FOR_OLDER_VERSIONS}}):
            yield f"the journal of {batch_id} tells a change of {name}, which did not change"


def _policy(row: Columns) -> dict[str, Any]:
    """The policy in a row; a field with its default may be missing."""
    doc = json.loads(row.get("doc_asked") or row["doc"])
    found: dict[str, Any] = without_later(doc.get("policy", {}))
    return found


def _api_name(name: str) -> str:
    first, *more = name.rstrip("_").split("_")
    return first + "".join(each.capitalize() for each in more)


def _body(request: dict[str, Any]) -> dict[str, Any]:
    text = request.get("body") or "{}"
    body: dict[str, Any] = json.loads(base64.b64decode(text) if request.get("isBase64Encoded") else text)
    return body
