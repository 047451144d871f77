"""Approvals of a batch, a wave or a rollback: how many are needed, and which ones count. All functions in this module are pure.

An approval carries a digest of the policy and the selection that the approver saw. If the policy or the selection changes, the
approval no longer counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.batch import Approval, Batch, BatchJournalEntry, BatchState, BatchSummary, PauseState
from shared.domain.brake import TICK_ACTOR, BatchChange
from shared.domain.caller import Caller, Trust
from shared.domain.chosen import policy_digest, selection_digest
from shared.domain.errors import Refused
from shared.domain.policy import Policy
from shared.domain.record import dataclass
from shared.domain.roles import Role

BATCH, WAVE, ROLLBACK = "batch", "wave", "rollback"
HOLD, CANCEL = "hold", "cancel"
ACT = "approve"
"""The name that the batch's journal gives to the act of approving."""
SOON = timedelta(hours=1)
"""An approval expires soon if at most one hour, and at most a quarter of the approval's lifetime, is left."""


@dataclass(frozen=True)
class ApprovalStatus:
    """The approvals of one subject (a batch, a wave or a rollback): how many count, and how many are missing."""

    about: str
    needed: int
    seen: str
    """The digest of the policy and the selection that a new approval must carry."""
    counted: tuple[Approval, ...] = ()
    expired: tuple[Approval, ...] = ()
    overtaken: tuple[Approval, ...] = ()
    """Approvals that no longer count, because the policy or the selection has changed."""
    until: datetime | None = None
    """The time from which too few approvals will be valid; None if too few are valid now, or if none is needed."""

    @property
    def missing_approval_count(self) -> int:
        """How many more persons must approve the subject."""
        return max(self.needed - len(self.counted), 0)

    @property
    def have_approvals_expired(self) -> bool:
        """Whether enough persons approved the subject, but too few of their approvals are still valid."""
        return self.missing_approval_count > 0 and len({each.identity for each in (*self.counted, *self.expired)}) >= self.needed


def wave_subject(number: int) -> str:
    """The subject of a wave's approval; the first wave has number 1."""
    return f"{WAVE} {number}"


def rollback_subject(migration_id: str, entered_version: int) -> str:
    """The subject of a rollback's approval: the migration's id, and the row version at which the migration entered its present
    state.
    """
    return f"{ROLLBACK} {migration_id} {entered_version}"


def required_approvals(policy: Policy, about: str) -> int:
    """The number of persons who must approve the subject, as the policy states."""
    return {BATCH: policy.approvals, WAVE: policy.wave_approvals, ROLLBACK: policy.rollback_approvals}[about.split()[0]]


def approval_status(summary: BatchSummary, about: str, now: datetime, given: Iterable[Approval] | None = None) -> ApprovalStatus:
    """Which approvals of one subject count, and how many are missing. For a rollback, the argument ``given`` must contain the
    approvals from the journal, because the batch does not store approvals of rollbacks.
    """
    selection = summary.acknowledgement.selection if summary.acknowledgement else ""
    return _status_of_approvals(
        summary.policy, policy_digest(summary.policy, selection), about, now, summary.control.approvals if given is None else given
    )


def batch_approval_status(batch: Batch, about: str, now: datetime, given: Iterable[Approval] | None = None) -> ApprovalStatus:
    """Which approvals of a batch's subject count, and how many are missing. The batch need not have been acknowledged yet, because
    the selection is stored with the batch.
    """
    seen = policy_digest(batch.policy, selection_digest(batch.selection))
    return _status_of_approvals(batch.policy, seen, about, now, batch.control.approvals if given is None else given)


def _status_of_approvals(policy: Policy, seen: str, about: str, now: datetime, given: Iterable[Approval]) -> ApprovalStatus:
    lasts, wanted = timedelta(minutes=policy.approval_min), required_approvals(policy, about)
    latest = {each.identity: each for each in sorted(given, key=lambda each: each.at) if each.about == about}
    valid = tuple(each for each in latest.values() if each.seen == seen)
    counted = tuple(each for each in valid if now < each.at + lasts)
    expired = tuple(each for each in valid if each not in counted)
    ends = sorted((each.at + lasts for each in counted), reverse=True)
    until = ends[wanted - 1] if wanted and len(ends) >= wanted else None
    return ApprovalStatus(
        about, wanted, seen, counted, expired, tuple(each for each in latest.values() if each.seen != seen), until
    )


def missing_approvals_in_words(found: ApprovalStatus, batch_id: str) -> str:
    """A text with the number of persons who have approved, and with the command to approve; empty if no approval is missing."""
    if not found.missing_approval_count:
        return ""
    who = ", ".join(each.by for each in found.counted)
    so_far = f"{len(found.counted)} of {found.needed} persons approved it" + (f" ({who})" if who else "")
    more = f"; {_approval_count_in_words(found.expired)} expired" if found.expired else ""
    more += f"; {_approval_count_in_words(found.overtaken)} for another policy or selection" if found.overtaken else ""
    return f"{so_far}{more}. To approve it: {approval_command(found.about, batch_id)}"


def _approval_count_in_words(given: tuple[Approval, ...]) -> str:
    return "1 approval" if len(given) == 1 else f"{len(given)} approvals"


def approval_command(about: str, batch_id: str) -> str:
    """The command line (``replank approve``) with which a person approves the subject."""
    kind, *rest = about.split()
    option = {BATCH: "", WAVE: f" --wave {rest[0] if rest else ''}", ROLLBACK: f" --rollback {rest[0] if rest else ''}"}[kind]
    return f"replank approve {batch_id}{option}"


def is_expiring_soon(approval_min: int, until: datetime, now: datetime) -> bool:
    """Whether approvals that expire at the given time count as expiring soon."""
    return until - now <= min(SOON, timedelta(minutes=approval_min) / 4)


def next_wave_subject(summary: BatchSummary | Batch) -> str:
    """The subject of an approval for the wave that follows the present wave."""
    return wave_subject(summary.control.wave + 2)


def add_approval(batch: Batch, found: ApprovalStatus, caller: Caller, seen: str, why: str, now: datetime) -> BatchChange | None:
    """The change that adds the caller's approval to the batch. The result is None if an approval by the caller already counts and
    does not expire soon.
    """
    if seen != found.seen:
        sentence = f"The policy or the selection of batch {batch.batch_id} has changed since you saw it."
        remedy = f"Look at the batch again (replank approvals {batch.batch_id}), then approve its present policy and selection."
        raise Refused("Approval.Overtaken", sentence, remedy, status=412)
    own = next((each for each in found.counted if each.identity == caller.identity), None)
    if own is not None and not is_expiring_soon(
        batch.policy.approval_min, own.at + timedelta(minutes=batch.policy.approval_min), now
    ):
        return None
    given = Approval(found.about, caller.name, caller.identity, now, caller.trust.value, seen)
    version = batch.version + 1
    kept = batch.control.approvals
    if found.about.split()[0] != ROLLBACK:
        kept = (*(each for each in kept if (each.about, each.identity) != (given.about, given.identity)), given)
    line = BatchJournalEntry(
        version, now, ACT, caller.name, _journal_reason(found.about, why), caller.trust.value, caller.door, given
    )
    return BatchChange(batch, replace(batch, control=replace(batch.control, approvals=kept), version=version), line)


def _journal_reason(about: str, why: str) -> str:
    what = "the batch" if about == BATCH else " ".join(about.split()[:2])
    return f"{what}: {why}" if why else what


def check_approver(batch: Batch, found: ApprovalStatus, caller: Caller, roles: frozenset[Role]) -> None:
    """Raise Refused unless the caller may approve the subject now."""
    if not found.needed:
        sentence = f"The policy of batch {batch.batch_id} requires no approval of a {found.about.split()[0]}."
        raise Refused("Approval.NotAsked", sentence, "Nothing to do.", status=409)
    _check_batch_is_approvable(batch, found)
    if not roles & {Role(batch.policy.approver_role), Role.ADMIN}:
        sentence = f"Only persons with the role {batch.policy.approver_role} may approve batch {batch.batch_id}."
        raise Refused("Approval.OtherRole", sentence, "Ask a person with that role.", status=403)
    if batch.policy.approver_trust == Trust.VERIFIED.value and caller.trust is not Trust.VERIFIED:
        sentence = f"The name {caller.name} comes only from a header; batch {batch.batch_id} counts only verified names."
        remedy = "Sign in (replank login). To let claimed names count, set approverTrust: claimed in the policy of the batch."
        raise Refused("Approval.NotVerified", sentence, remedy, status=401)
    if found.needed > 1 and caller.name == batch.created_by:
        sentence = f"{caller.name} submitted batch {batch.batch_id}; {found.needed} other persons must approve it."
        raise Refused("Approval.Submitter", sentence, "Ask another person.", status=403)


def _check_batch_is_approvable(batch: Batch, found: ApprovalStatus) -> None:
    rollback = found.about.startswith(ROLLBACK)
    if batch.state is BatchState.PLANNING:
        sentence = f"Batch {batch.batch_id} is still being planned: the list of its instances is not complete."
        raise Refused("Batch.StillPlanning", sentence, "Wait a minute and try again.", status=409)
    if batch.dry_run:
        raise Refused("Batch.DryRun", "A dry run never moves an instance.", "Submit the batch without the dry run.", status=409)
    if batch.state is BatchState.CLOSED and not rollback:
        sentence = f"Batch {batch.batch_id} is closed; there is nothing to approve."
        raise Refused(
            "Batch.Closed",
            sentence,
            "Nothing to do: no migration of a closed batch starts, unless somebody retries it.",
            status=409,
        )


def check_wave_is_next(batch: Batch, number: int, waves: int) -> None:
    """Raise Refused unless the given wave is the next wave of the batch, and all earlier waves have ended."""
    if number > waves or number < 2:
        raise Refused("Wave.NoNext", f"Batch {batch.batch_id} has no wave {number} to approve.", "Nothing to do.", status=409)
    if number <= batch.control.wave + 1:
        raise Refused("Approval.NotAsked", f"Wave {number} has begun already.", "Nothing to do.", status=409)
    if number > batch.control.wave + 2 or batch.control.wave_ended_at is None:
        sentence = f"Wave {number} cannot be approved yet: wave {batch.control.wave + 1} is under way."
        raise Refused("Wave.NotEnded", sentence, "Wait until that wave has ended, and look at its result.", status=409)


def check_enough_approvals(found: ApprovalStatus, batch_id: str) -> None:
    """Raise Refused (Approval.Missing) unless enough persons have approved the subject."""
    why = missing_approvals_in_words(found, batch_id)
    if why:
        sentence, _, remedy = why.partition(". ")
        raise Refused("Approval.Missing", f"{sentence[0].upper()}{sentence[1:]}.", f"{remedy}", status=409)


def stop_batch_after_expiry(batch: Batch, about: str, now: datetime) -> BatchChange:
    """Stop a batch because an approval expired. The caller must check first that the batch's policy requires the stop."""
    version, why = batch.version + 1, f"the approval of the {about} expired: approve the {about} again, then resume the batch"
    control = replace(batch.control, brake=PauseState.STOPPED, by=TICK_ACTOR, at=now, why=why, trust="", door="")
    line = BatchJournalEntry(version, now, "stop", TICK_ACTOR, why)
    return BatchChange(batch, replace(batch, control=control, version=version), line)


def batch_with_published_event(batch: Batch, about: str, event: str) -> Batch:
    """A copy of the batch that records the publication of an event about the subject."""
    others = tuple(each for each in batch.control.asked if not each.startswith(f"{about}: "))
    asked = (*others, f"{about}: {event}")
    return replace(batch, control=replace(batch.control, asked=asked), version=batch.version + 1)


def is_event_published(summary: BatchSummary | Batch, about: str, event: str) -> bool:
    """Whether the event about a subject has already been published."""
    return f"{about}: {event}" in summary.control.asked
