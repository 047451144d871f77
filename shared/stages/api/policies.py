"""Sets the policy of a planned batch, if the batch has not changed since the person saw it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shared.domain import policy_change, seen
from shared.domain.batch import Batch
from shared.domain.caller import Caller
from shared.domain.errors import Stale
from shared.domain.policy import Policy, parse_policy
from shared.domain.retry import LOST_RACE
from shared.ports.ports import Ports
from shared.stages.api import show, views
from shared.stages.api.act import contention_error


def set_policy(ports: Ports, batch_id: str, caller: Caller, asked: Mapping[str, Any], version: int) -> views.BatchView:
    """Replace the batch's policy. Nothing changes if the batch already has the wanted policy, or if the act is repeated."""
    wanted = parse_policy(asked["policy"])
    for _ in range(LOST_RACE.calls):
        before, now = ports.batches.load(batch_id), ports.clock.now()
        if before.version != version and not _is_repeated_act(before, wanted, caller, version, ports):
            raise seen.batch_changed_refusal(before, version)
        if policy_change.is_same_policy(before.policy, wanted):
            return show.batch_view(before, own=ports.account_id, now=now)
        change = policy_change.change_policy(before, wanted, caller, asked.get("why", ""), now)
        with suppress(Stale):
            ports.batches.commit(before, change.after, line=change.line)
            return show.batch_view(change.after, own=ports.account_id, now=now)
    raise contention_error("Batch.Moved", f"Batch {batch_id}")


def _is_repeated_act(batch: Batch, wanted: Policy, caller: Caller, version: int, ports: Ports) -> bool:
    """Whether the same person has already carried out the same act on the given version of the batch."""
    mine = (version + 1, policy_change.ACT, caller.name)
    lines = ports.batches.journal(batch.batch_id)
    return policy_change.is_same_policy(batch.policy, wanted) and any((each.version, each.act, each.by) == mine for each in lines)
