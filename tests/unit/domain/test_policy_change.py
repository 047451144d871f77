"""Changing the policy of a planned batch: what may still change, and what the journal records."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from shared.domain import approvals, policy_change
from shared.domain.batch import RISKS, Acknowledgement, Batch, BatchState, Selection
from shared.domain.caller import Caller
from shared.domain.chosen import selection_digest
from shared.domain.codec import decode, encode
from shared.domain.errors import Refused
from shared.domain.policy import Policy, parse_policy

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
CHOSEN = Selection(("cn-hangzhou",))
ACK = Acknowledgement("ann", NOW, "v", RISKS, selection_digest(CHOSEN))
OWN = parse_policy({"approvals": 1, "approverTrust": "claimed", "waves": ["1"], "maxMoving": 5})
BATCH = Batch("b1", BatchState.OPEN, 4, NOW, "api", "ann", CHOSEN, OWN, acknowledgement=ACK)
EVE = Caller("eve")
OTHER: dict[str, Any] = {
    "driver": "console",
    "group": {"tag": "serves"},
    "order": "name",
    "approvals": 0,
    "waveApprovals": 1,
    "rollbackApprovals": 1,
    "approverRole": "admin",
    "approverTrust": "verified",
    "waves": ["2"],
    "files": ["/etc/hosts"],
    "check": "true",
    "automaticRollback": True,
    "commands": [{"pre": "true"}],
}


def asked(**changes: object) -> Policy:
    return parse_policy({"approvals": 1, "approverTrust": "claimed", "waves": ["1"], **changes})


def test_the_journal_keeps_each_field_before_and_after() -> None:
    black = [{"from": "2026-12-24", "to": "2026-12-26"}]
    changed = policy_change.change_policy(BATCH, asked(maxMoving=2, blackouts=black), EVE, "slow", NOW)
    line = changed.line
    assert (line.version, line.act, line.by, line.why) == (5, "set policy", "eve", "slow")
    assert sorted(line.before) == sorted(line.after) == ["blackouts", "maxMoving"]
    assert (line.before["maxMoving"], line.after["maxMoving"], line.before["blackouts"]) == ("5", "2", "[]")
    assert (changed.after.policy.max_moving, changed.after.version) == (2, 5)
    assert decode(type(line), encode(line), "journal") == line


def test_a_line_of_an_older_version_has_no_fields() -> None:
    old = dict(encode(policy_change.change_policy(BATCH, asked(), EVE, "", NOW).line))
    del old["before"], old["after"]
    assert decode(type(policy_change.change_policy(BATCH, asked(), EVE, "", NOW).line), old, "journal").before == {}


@pytest.mark.parametrize("name", OTHER)
def test_a_field_that_is_fixed_is_refused_by_name_with_a_remedy(name: str) -> None:
    wanted = asked(**{name: OTHER[name]})
    with pytest.raises(Refused) as refused:
        policy_change.change_policy(BATCH, wanted, EVE, "", NOW)
    assert (refused.value.code, refused.value.status) == ("Policy.Fixed", 409)
    assert f"policy.{name}" in refused.value.message or (name, "policy.gate") == ("waveApprovals", "policy.gate")
    assert "b1" in refused.value.remedy


@pytest.mark.parametrize("name", ["waves", "files", "check", "commands"])
def test_before_the_acknowledgement_more_may_change(name: str) -> None:
    unsaid = replace(BATCH, acknowledgement=None)
    assert policy_change.change_policy(unsaid, asked(**{name: OTHER[name]}), EVE, "", NOW).line.after.keys() >= {name}


@pytest.mark.parametrize(
    ("name", "less", "more"),
    [("allowEndOfLife", False, True), ("allowListed", False, True), ("overrides", {"A.b": "x"}, {"A.b": "y", "C.d": "z"})],
)
def test_a_permission_may_be_given_and_not_withdrawn(name: str, less: object, more: object) -> None:
    given = policy_change.change_policy(replace(BATCH, policy=asked(**{name: less})), asked(**{name: more}), EVE, "", NOW)
    assert given.line.after.keys() == {name}
    with pytest.raises(Refused) as refused:
        policy_change.change_policy(given.after, asked(**{name: less}), EVE, "", NOW)
    assert (refused.value.code, refused.value.status) == ("Policy.Fixed", 409)
    assert f"policy.{name}" in refused.value.message


@pytest.mark.parametrize(("state", "code"), [(BatchState.PLANNING, "Batch.StillPlanning"), (BatchState.CLOSED, "Batch.Closed")])
def test_only_an_open_batch_gets_another_policy(state: BatchState, code: str) -> None:
    with pytest.raises(Refused) as refused:
        policy_change.change_policy(replace(BATCH, state=state), asked(maxMoving=2), EVE, "", NOW)
    assert refused.value.code == code


def test_an_approval_of_the_policy_before_does_not_count_and_one_of_the_same_policy_again_does() -> None:
    seen = approvals.batch_approval_status(BATCH, approvals.BATCH, NOW)
    given = approvals.add_approval(BATCH, seen, Caller("bob"), seen.seen, "", NOW)
    assert given is not None
    approved = given.after
    assert not approvals.approval_status(approved.summary, approvals.BATCH, NOW).missing_approval_count
    changed = policy_change.change_policy(approved, asked(maxMoving=2), EVE, "", NOW).after
    found = approvals.approval_status(changed.summary, approvals.BATCH, NOW)
    assert (found.missing_approval_count, len(found.overtaken)) == (1, 1)
    assert (
        approvals.approval_status(
            policy_change.change_policy(changed, OWN, EVE, "", NOW).after.summary, approvals.BATCH, NOW
        ).missing_approval_count
        == 0
    )


def test_every_field_of_the_policy_may_change_or_says_why_not() -> None:
    fixed = policy_change.PLANNED | policy_change.ACKNOWLEDGED
    assert set(fixed) == set(OTHER)
    assert set(fixed) <= set(policy_change._values_by_field(OWN))
