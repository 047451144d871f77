"""Changes the policy of a planned batch. The module decides which fields may still change, and makes the line for the batch's
journal. All functions in this module are pure.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from shared.domain.batch import Batch, BatchJournalEntry, BatchState
from shared.domain.brake import BatchChange
from shared.domain.caller import Caller
from shared.domain.choice import camel_case
from shared.domain.codec import encode
from shared.domain.errors import Refused
from shared.domain.policy import Policy, policy_without_never_open_window

ACT = "set policy"
"""The name of a policy change in the batch's journal."""
PLANNED = {
    "driver": "the migrations are planned for this driver",
    "group": "the prechecks have read the tag",
    "order": "the planning has stored it",
    "approvals": "nobody lowers what others must approve",
    "waveApprovals": "nobody lowers what others must approve",
    "rollbackApprovals": "nobody lowers what others must approve",
    "approverRole": "nobody lowers what others must approve",
    "approverTrust": "nobody lowers what others must approve",
}
"""Fields that are fixed once the batch is planned, with the reason for each."""
ACKNOWLEDGED = {
    "waves": "the acknowledgement has fixed the waves",
    "files": "guests are compared with the checksums that were read from these files",
    "check": "guests are compared with the earlier result of this check",
    "automaticRollback": "the acknowledged risks depend on this field",
    "commands": "pre commands may have run, and the same rule has the post commands",
}
"""Fields that are fixed once the batch is acknowledged, with the reason for each."""
PERMISSIONS = dict.fromkeys(
    ("allowEndOfLife", "allowListed", "overrides"), "the prechecks may have used what it allows, so it can only allow more"
)
"""Fields of which nothing can be withdrawn once the batch is planned, with the reason. No start checks them again."""
LONGEST = 2000
"""Maximum number of characters of one value in the journal."""


def change_policy(batch: Batch, policy: Policy, caller: Caller, why: str, now: datetime) -> BatchChange:
    """The change of a batch that replaces its policy. Raises Refused if the batch is not open, or if a field can no longer change.

    Approvals of the earlier policy no longer count, because each approval carries the digest of the policy that the person saw.
    """
    _check_batch_is_open(batch)
    before, after = _values_by_field(batch.policy), _values_by_field(policy)
    names = sorted(name for name in before if before[name] != after[name])
    for name in names:
        _check_field_may_change(name, batch)
        if name in PERMISSIONS and not _allows_as_much(before[name], after[name]):
            raise _fixed_field_refusal(name, "planned", PERMISSIONS[name], batch)
    version = batch.version + 1
    line = BatchJournalEntry(version, now, ACT, caller.name, why, caller.trust.value, caller.door)
    line = replace(line, before=_journal_texts(before, names), after=_journal_texts(after, names))
    return BatchChange(batch, replace(batch, policy=policy, version=version), line)


def is_same_policy(one: Policy, other: Policy) -> bool:
    """Whether two policies have the same values in all fields that people see."""
    return _values_by_field(one) == _values_by_field(other)


def _check_batch_is_open(batch: Batch) -> None:
    if batch.state is BatchState.PLANNING:
        sentence = f"Batch {batch.batch_id} is still being planned."
        raise Refused("Batch.StillPlanning", sentence, "Wait a minute and try again. No instance has moved yet.", status=409)
    if batch.state is BatchState.CLOSED:
        sentence = f"Batch {batch.batch_id} is closed; its policy has no effect any more."
        raise Refused("Batch.Closed", sentence, "Nothing to do, unless somebody retries one of its migrations.", status=409)


def _check_field_may_change(name: str, batch: Batch) -> None:
    why = PLANNED.get(name) or (ACKNOWLEDGED.get(name) if batch.acknowledgement else None)
    if why is None:
        return
    raise _fixed_field_refusal(name, "planned" if name in PLANNED else "acknowledged", why, batch)


def _allows_as_much(before: Any, after: Any) -> bool:
    """Whether a permission still allows all that it allowed: a switch is still on, or every override is still there."""
    return set(before) <= set(after) if isinstance(before, dict) else after >= before


def _fixed_field_refusal(name: str, since: str, why: str, batch: Batch) -> Refused:
    sentence = f"policy.{name} cannot change once the batch is {since}: {why}."
    remedy = f"Keep {name} as it is (replank status {batch.batch_id} --json), or stop the batch and submit another."
    return Refused("Policy.Fixed", sentence, remedy, status=409)


def _values_by_field(policy: Policy) -> dict[str, Any]:
    """The values of the policy's fields, with the names of the fields in the API as the keys."""
    seen = policy_without_never_open_window(policy)
    written = encode(seen)  # encode leaves out fields with their default value
    return {camel_case(each.name): written.get(each.name, getattr(seen, each.name)) for each in fields(seen)}


def _journal_texts(values: dict[str, Any], names: list[str]) -> dict[str, str]:
    return {name: json.dumps(values[name], ensure_ascii=False, sort_keys=True)[:LONGEST] for name in names}
