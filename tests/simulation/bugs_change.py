"""Deliberate bugs in changes of a running batch's policy, and the scenarios in which they show. See mutants.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

from shared.adapters import tables
from shared.adapters.batches import TablestoreBatches
from shared.domain import approvals, policy_change
from shared.stages.api import policies
from tests.simulation.scenario import Scenario
from tests.simulation.weather import approved, unlimited, with_policy

Patch = Any


def change_unread() -> list[Patch]:
    """A change reaches the batch that persons see, but not the terms that the stages read."""
    commit, columns = TablestoreBatches.commit, tables.batch_columns

    def half(self: TablestoreBatches, before: Any, after: Any, **more: Any) -> None:
        first = self.load_summary(before.batch_id).policy

        def written(batch: Any) -> dict[str, Any]:
            stale = columns(replace(batch, policy=first))
            return columns(batch) | {name: stale[name] for name in ("terms", "terms_asked")}

        with mock.patch.object(tables, "batch_columns", written):
            commit(self, before, after, **more)

    return [mock.patch.object(TablestoreBatches, "commit", half)]


def old_approvals_kept() -> list[Patch]:
    """An approval counts for every policy of the batch, not only for the one that the person saw."""
    return [mock.patch.object(approvals, "policy_digest", return_value="0" * 32)]


def change_untold() -> list[Patch]:
    """The journal tells that the policy changed, but not what was before and after."""
    return [mock.patch.object(policy_change, "_journal_texts", return_value={})]


def change_unseen() -> list[Patch]:
    """A new policy is set whatever the person saw."""
    return [mock.patch.object(policies, "_is_repeated_act", return_value=True)]


def changed_often(scenario: Scenario) -> Scenario:
    """Persons change policies every few minutes, while instances move one by one."""
    return replace(
        with_policy(unlimited(scenario), maxMoving=1), rates={"person": 0.6}, changes=0.4, brakes=0, prompt=True, chaos_min=180
    )


def changed_when_approved(scenario: Scenario) -> Scenario:
    """Two persons approve each batch for a day, and persons change policies. Snapshots fail, so something starts all the time."""
    wide = with_policy(approved(scenario), approvalMin=1440, approverRole=None, failureBudget=100, failurePercent=None)
    return replace(wide, rates={"person": 0.5, "snapshot_fails": 0.6}, changes=0.25, brakes=0, chaos_min=180)
