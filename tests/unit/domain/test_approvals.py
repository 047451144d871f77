"""Approvals: who may give them, what exactly they cover, how long they last, and how a policy change affects them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from shared.domain import approvals, brake, waves
from shared.domain.approvals import BATCH
from shared.domain.batch import RISKS, Acknowledgement, Approval, Batch, BatchState, PauseState, Selection
from shared.domain.caller import Caller, Trust
from shared.domain.chosen import policy_digest, selection_digest
from shared.domain.codec import decode, encode
from shared.domain.errors import Refused
from shared.domain.hold import NOTHING_HELD
from shared.domain.limits import AdmissionCounts, Limit, StartContext, StartKind, blocking_limit
from shared.domain.policy import Policy, parse_policy
from shared.domain.roles import Role

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
SELECTION = Selection(("cn-hangzhou",), ("i-1", "i-2"))
ACK = Acknowledgement("ann", NOW, "v", RISKS, selection_digest(SELECTION))
POLICY = parse_policy({"approvals": 2, "waveApprovals": 1, "waves": ["1"], "rollbackApprovals": 1, "approvalMin": 600})
PLAIN = Batch("b1", BatchState.OPEN, 2, NOW, "api", "ann", SELECTION, POLICY, acknowledgement=ACK)
APPROVER = frozenset({Role.APPROVER})


def person(name: str, **more: Any) -> Caller:
    return Caller(name, **{"trust": Trust.VERIFIED, "issuer": "https://id", "subject": name, "door": "trigger", **more})


def asked(batch: Batch, about: str = BATCH, now: datetime = NOW) -> approvals.ApprovalStatus:
    return approvals.batch_approval_status(batch, about, now)


def approved(batch: Batch, *names: str, about: str = BATCH, now: datetime = NOW) -> Batch:
    for name in names:
        change = approve(batch, person(name), about=about, now=now)
        assert change is not None
        batch = change.after
    return batch


def approve(batch: Batch, caller: Caller, roles: frozenset[Role] = APPROVER, **more: Any) -> brake.BatchChange | None:
    now = more.get("now", NOW)
    found = asked(batch, more.get("about", BATCH), now)
    approvals.check_approver(batch, found, caller, roles)
    return approvals.add_approval(batch, found, caller, more.get("seen", found.seen), more.get("why", ""), now)


def refused(batch: Batch, caller: Caller, **more: Any) -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        approve(batch, caller, **more)
    return caught.value.code, caught.value.status


def held(batch: Batch, now: datetime = NOW, start: StartKind = StartKind.FIRST_SNAPSHOT) -> str:
    found = blocking_limit(
        start, StartContext(batch.summary, AdmissionCounts(frozenset(), frozenset(), 0, 0), NOTHING_HELD, now, 20)
    )
    assert found is None or found.limit is Limit.APPROVAL
    return found.reason if found else ""


def test_nothing_starts_before_enough_persons_have_approved() -> None:
    assert held(PLAIN).startswith("0 of 2 persons approved it. To approve it: replank approve b1")
    one = approved(PLAIN, "bob")
    assert held(one).startswith("1 of 2 persons approved it (bob)")
    assert held(approved(one, "eve")) == ""


def test_one_person_counts_once() -> None:
    one = approved(PLAIN, "bob")
    assert approve(one, person("bob"), now=NOW + HOUR) is None
    assert approve(one, person("robert", subject="bob")) is None, "the same subject"


def test_an_approval_expires_and_holds_no_next_hop() -> None:
    done = approved(approved(PLAIN, "bob"), "eve", now=NOW + HOUR)
    assert asked(done, now=NOW + HOUR).until == NOW + timedelta(minutes=600)
    late = NOW + timedelta(minutes=600)
    assert "1 approval expired" in held(done, late)
    assert held(done, late, StartKind.HOP_SNAPSHOT) == held(done, late, StartKind.HOP_JOB) == ""
    assert held(done, late, StartKind.RETRY_SNAPSHOT)
    assert asked(done, now=late).have_approvals_expired
    assert not asked(approved(PLAIN, "bob"), now=late).have_approvals_expired, "there were never enough"
    assert held(approved(done, "bob", now=late), late) == "", "who approved may approve again"


def test_what_is_about_to_expire_can_be_renewed() -> None:
    done = approved(PLAIN, "bob", "eve")
    later = NOW + timedelta(minutes=550)
    again = approved(done, "bob", "eve", now=later)
    assert asked(again, now=later).until == later + timedelta(minutes=600)
    assert len(again.control.approvals) == 2


@pytest.mark.parametrize(
    "change",
    [{"policy": replace(POLICY, max_moving=50)}, {"selection": Selection(("cn-hangzhou",), ("i-1", "i-2", "i-3"))}],
)
def test_a_change_of_policy_or_selection_asks_again(change: dict[str, Any]) -> None:
    done = approved(PLAIN, "bob", "eve")
    changed = replace(done, **change)
    assert asked(changed).missing_approval_count == 2
    assert [each.by for each in asked(changed).overtaken] == ["bob", "eve"]
    assert refused(changed, person("zoe"), seen=asked(done).seen) == ("Approval.Overtaken", 412)
    if "policy" in change:
        assert "2 approvals for another policy or selection" in held(changed)


def test_the_digest_does_not_count_what_a_later_version_adds_with_its_default() -> None:
    assert policy_digest(Policy(), "x") == policy_digest(replace(Policy(), approvals=0), "x")
    assert policy_digest(Policy(), "x") != policy_digest(Policy(), "y")


def test_who_submitted_counts_only_if_one_is_asked_for() -> None:
    assert refused(PLAIN, person("ann")) == ("Approval.Submitter", 403)
    assert asked(approved(replace(PLAIN, policy=replace(POLICY, approvals=1)), "ann")).missing_approval_count == 0


def test_claimed_names_count_only_if_the_policy_says_so() -> None:
    claimed = Caller("bob")
    assert refused(PLAIN, claimed) == ("Approval.NotVerified", 401)
    lax = replace(PLAIN, policy=replace(POLICY, approver_trust="claimed"))
    assert approve(lax, claimed) is not None


def test_the_role_is_the_policys() -> None:
    assert refused(PLAIN, person("bob"), roles=frozenset({Role.OPERATOR, Role.VIEWER})) == ("Approval.OtherRole", 403)
    assert approve(PLAIN, person("bob"), frozenset({Role.ADMIN})) is not None


def test_what_cannot_be_approved() -> None:
    assert refused(replace(PLAIN, policy=Policy()), person("bob")) == ("Approval.NotAsked", 409)
    assert refused(replace(PLAIN, state=BatchState.PLANNING), person("bob")) == ("Batch.StillPlanning", 409)
    assert refused(replace(PLAIN, state=BatchState.CLOSED), person("bob")) == ("Batch.Closed", 409)
    assert refused(replace(PLAIN, dry_run=True), person("bob")) == ("Batch.DryRun", 409)


def test_the_line_of_the_journal_keeps_the_approval() -> None:
    found = asked(PLAIN)
    change = approve(PLAIN, person("bob"), why="CHG-7")
    assert change is not None
    assert (change.line.act, change.line.by, change.line.why) == ("approve", "bob", "the batch: CHG-7")
    assert change.line.approval == Approval("batch", "bob", "https://id|bob", NOW, "verified", found.seen)
    assert decode(type(change.line), encode(change.line), "line") == change.line


ENDED = replace(PLAIN, control=replace(PLAIN.control, wave_ended_at=NOW))


def test_a_wave_begins_once_it_is_approved() -> None:
    about = approvals.next_wave_subject(ENDED)
    assert about == "wave 2"
    assert "replank approve b1 --wave 2" in waves.why_next_wave_waits(ENDED.summary, NOW)
    assert not waves.may_next_wave_begin(ENDED.summary, NOW)
    with pytest.raises(Refused) as caught:
        waves.check_next_wave_can_begin(ENDED, 3, NOW)
    assert caught.value.code == "Approval.Missing"
    done = approved(ENDED, "bob", about=about)
    assert waves.may_next_wave_begin(done.summary, NOW)
    waves.check_next_wave_can_begin(done, 3, NOW)
    after, _ = waves.batch_with_next_wave_open(done, "watch", NOW)
    assert after.control.approvals == ()
    assert not waves.may_next_wave_begin(done.summary, NOW + timedelta(minutes=600)), "an expired one does not count"


@pytest.mark.parametrize(
    ("batch", "number", "code"),
    [(PLAIN, 2, "Wave.NotEnded"), (ENDED, 3, "Wave.NotEnded"), (ENDED, 4, "Wave.NoNext"), (ENDED, 1, "Wave.NoNext")],
)
def test_only_the_next_wave_can_be_approved_and_only_once_the_one_before_has_ended(batch: Batch, number: int, code: str) -> None:
    with pytest.raises(Refused) as caught:
        approvals.check_wave_is_next(batch, number, 3)
    assert caught.value.code == code


@pytest.mark.parametrize("wave", [0, 1, 2])
def test_the_wave_after_the_one_that_has_ended_is_the_next(wave: int) -> None:
    batch = replace(ENDED, control=replace(ENDED.control, wave=wave))
    approvals.check_wave_is_next(batch, wave + 2, 9)
    for number, code in ((wave + 1, "Approval.NotAsked" if wave else "Wave.NoNext"), (wave + 3, "Wave.NotEnded")):
        with pytest.raises(Refused) as caught:
            approvals.check_wave_is_next(batch, number, 9)
        assert caught.value.code == code


def test_a_rollback_is_approved_as_the_migration_stands() -> None:
    about = approvals.rollback_subject("m-1", 7)
    found = approvals.batch_approval_status(PLAIN, about, NOW, ())
    change = approvals.add_approval(PLAIN, found, person("bob"), found.seen, "", NOW)
    assert change is not None
    assert change.line.approval is not None
    assert change.after.control.approvals == (), "the journal alone keeps it"
    given = [change.line.approval]
    approvals.check_enough_approvals(approvals.batch_approval_status(PLAIN, about, NOW, given), "b1")
    with pytest.raises(Refused) as caught:
        approvals.check_enough_approvals(
            approvals.batch_approval_status(PLAIN, approvals.rollback_subject("m-1", 9), NOW, given), "b1"
        )
    assert caught.value.code == "Approval.Missing"
    assert caught.value.remedy == "To approve it: replank approve b1 --rollback m-1"


def test_a_lapsed_approval_can_stop_the_batch() -> None:
    change = approvals.stop_batch_after_expiry(PLAIN, BATCH, NOW)
    assert (change.after.control.brake, change.after.control.by) == (PauseState.STOPPED, brake.TICK_ACTOR)
    assert change.after.version == change.line.version == PLAIN.version + 1
    assert change.line.why == "the approval of the batch expired: approve the batch again, then resume the batch"


def test_an_older_version_never_starts_a_batch_that_asks_for_approvals() -> None:
    """The older version does not know the field. It knows the window, and the row's window never opens."""
    for document in ({"approvals": 1}, {"approvals": 1, "window": {"start": "22:00", "end": "04:00"}}):
        policy = parse_policy(document)
        assert policy.window is not None
        older = decode(Policy, {"window": encode(policy.window)}, "policy")
        assert not any(older.time_limits.why_window_closed(NOW + timedelta(minutes=each)) == "" for each in range(0, 1440, 5))
    assert parse_policy({"approvals": 1}).time_limits.why_window_closed(NOW) == ""
    assert parse_policy({"waveApprovals": 1}).gate == "approval"


@pytest.mark.parametrize("field", ["approverRole", "approverTrust", "approvalExpiry"])
def test_an_unknown_word_is_refused(field: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_policy({field: "bananas"})
    assert field in caught.value.message
