"""Another policy for a batch that is planned: which fields may still change, and what the journal keeps of it. Pure."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from shared.domain.batch import Batch, BatchLine, BatchState
from shared.domain.brake import BatchChange
from shared.domain.caller import Caller
from shared.domain.choice import camel_case
from shared.domain.codec import encode
from shared.domain.errors import Refused
from shared.domain.policy import Policy, seen_by_people

ACT = "set policy"
"""The name of the act in the journal."""
PLANNED = {
    "driver": "the migrations are planned for it",
    "group": "the prechecks have read the tag",
    "approvals": "nobody lowers what others must approve",
    "waveApprovals": "nobody lowers what others must approve",
    "rollbackApprovals": "nobody lowers what others must approve",
    "approverRole": "nobody lowers what others must approve",
    "approverTrust": "nobody lowers what others must approve",
}
"""Fields that are fixed once the batch is planned, and why."""
ACKNOWLEDGED = {
    "waves": "the acknowledgement has cut the waves",
    "files": "guests are compared with what was read of these files",
    "check": "guests are compared with what this check said",
    "automaticRollback": "the acknowledgement covers it, or does not",
    "commands": "guests may be drained, and the same rule restores them",
}
"""Fields that are fixed once the batch is acknowledged, and why."""
LONGEST = 2000
"""Maximum characters of one value in the journal."""


def change(batch: Batch, policy: Policy, caller: Caller, why: str, now: datetime) -> BatchChange:
    """The batch with another policy; raises Refused if it is not open, or if a field cannot change any more.

    Approvals carry the digest of the policy that the person saw, so those of the policy before no longer count.
    """
    _check_open(batch)
    before, after = _values(batch.policy), _values(policy)
    names = sorted(name for name in before if before[name] != after[name])
    for name in names:
        _check_may_change(name, batch)
    version = batch.version + 1
    line = BatchLine(version, now, ACT, caller.name, why, caller.trust.value, caller.door)
    line = replace(line, before=_texts(before, names), after=_texts(after, names))
    return BatchChange(batch, replace(batch, policy=policy, version=version), line)


def is_same(one: Policy, other: Policy) -> bool:
    """Whether two policies decide the same."""
    return _values(one) == _values(other)


def _check_open(batch: Batch) -> None:
    if batch.state is BatchState.PLANNING:
        sentence = f"Batch {batch.batch_id} is still being planned."
        raise Refused("Batch.StillPlanning", sentence, "Wait a minute and try again: nothing has moved yet.", status=409)
    if batch.state is BatchState.CLOSED:
        sentence = f"Batch {batch.batch_id} is closed; its policy decides nothing any more."
        raise Refused("Batch.Closed", sentence, "Nothing to do, unless somebody retries one of its migrations.", status=409)


def _check_may_change(name: str, batch: Batch) -> None:
    why = PLANNED.get(name) or (ACKNOWLEDGED.get(name) if batch.acknowledgement else None)
    if why is None:
        return
    since = "planned" if name in PLANNED else "acknowledged"
    sentence = f"policy.{name} cannot change once the batch is {since}: {why}."
    remedy = f"Keep {name} as it is (replank status {batch.batch_id} --json), or stop the batch and submit another."
    raise Refused("Policy.Fixed", sentence, remedy, status=409)


def _values(policy: Policy) -> dict[str, Any]:
    """What the policy decides, by the fields' names in the API."""
    seen = seen_by_people(policy)
    written = encode(seen)  # which leaves out what is at its default
    return {camel_case(each.name): written.get(each.name, getattr(seen, each.name)) for each in fields(seen)}


def _texts(values: dict[str, Any], names: list[str]) -> dict[str, str]:
    return {name: json.dumps(values[name], ensure_ascii=False, sort_keys=True)[:LONGEST] for name in names}
