"""The API's answers, one dataclass each. In JSON, a field's name is written in camelCase. The type hints give the JSON schema."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from shared.domain.choice import camel_case
from shared.domain.findings import Finding
from shared.domain.migration import Failure, ToolLog
from shared.domain.policy import Policy
from shared.domain.record import dataclass
from shared.domain.route import Hop
from shared.stages.api.approval_views import ApprovalStatusView
from shared.stages.api.selection_views import SelectionView


@dataclass(frozen=True)
class Risks:
    """The risks that an operator acknowledges before any instance moves."""

    version: str
    text: tuple[str, ...]


@dataclass(frozen=True)
class AcknowledgementView:
    """The person who acknowledged the risks, the time, and the version of the acknowledged text."""

    operator: str
    at: datetime
    risks_version: str
    trust: str
    """How the person's name is known: ``claimed`` or ``verified``; empty if an older version recorded the acknowledgement."""


@dataclass(frozen=True)
class BrakeView:
    """The brake on a batch: ``paused``, ``paused at budget`` or ``stopped``, with the person, the time and the reason."""

    state: str
    by: str
    at: datetime
    why: str
    trust: str


@dataclass(frozen=True)
class BatchAct:
    """One line of a batch's journal: an act, the person who acted, and the version of the batch."""

    version: int
    at: datetime
    act: str
    by: str
    why: str
    trust: str
    before: dict[str, str]
    """After a change of the policy: the changed fields with their old values, as JSON."""
    after: dict[str, str]
    """After a change of the policy: the changed fields with their new values, as JSON."""


@dataclass(frozen=True)
class HoldAct:
    """One act on the hold: ``hold`` or ``release``, with the person, the time and the reason."""

    act: str
    by: str
    at: datetime
    why: str
    trust: str


@dataclass(frozen=True)
class HoldView:
    """Whether the hold forbids all starts, the reason, and the last acts.

    A request to release the hold must name the field ``version``.
    """

    held: bool
    reason: str
    version: int
    history: tuple[HoldAct, ...]


@dataclass(frozen=True)
class ProblemView:
    """A problem with its error code, a sentence, and the remedy."""

    code: str
    message: str
    remedy: str
    instance_id: str = ""


@dataclass(frozen=True)
class AccountTrouble:
    """Why an account cannot be used, since when, and what to do. Waiting migrations continue once the account can be used again."""

    account_id: str
    code: str
    message: str
    remedy: str
    since: datetime


@dataclass(frozen=True)
class AccountView:
    """An account that the deployment serves. The deployment's own account comes first and has no role."""

    account_id: str
    name: str
    role_arn: str
    trouble: AccountTrouble | None


@dataclass(frozen=True)
class AccountList:
    """The accounts that the deployment serves."""

    accounts: tuple[AccountView, ...]


@dataclass(frozen=True)
class BatchView:
    """A batch without its migrations. An act on the batch must name the field ``version`` in the header If-Match."""

    batch_id: str
    version: int
    state: str
    created_at: datetime
    created_by: str
    origin: str
    dry_run: bool
    selection: SelectionView
    destination: str
    destinations: dict[str, str]
    policy: Policy
    size: int
    digest: str
    """Digest of the chosen instances, which changes only if the instances change; empty during planning."""
    left_out: int
    """Number of instances that the selection left out."""
    problems: tuple[ProblemView, ...]
    acknowledgement: AcknowledgementView | None
    brake: BrakeView | None
    """The pause or stop that forbids new starts; null if the batch is neither paused nor stopped."""
    approvals: tuple[ApprovalStatusView, ...]
    """The approvals that the batch and its next wave need, and the approvals given so far."""
    ready_to_confirm_at: datetime | None
    """The time from which the batch's migrations can be confirmed.

    Null if the batch is not closed, or if no migration waits for a confirmation.
    """


@dataclass(frozen=True)
class WaveView:
    """One wave: its migrations, their number in each state, and what the wave waits for before it begins."""

    number: int
    migration_ids: tuple[str, ...]
    moved: int
    moving: int
    waiting: int
    failed: int
    """Number of migrations that failed, or were refused, rolled back or cancelled."""
    against_budget: int
    """Number of failures in the wave that count against ``waveFailureBudget`` of the policy."""
    waits_for: str
    soak_over: bool
    """Whether this is the next wave and waits only for people, because the soak of the previous wave is over."""


@dataclass(frozen=True)
class BatchDetail(BatchView):
    """A batch with the number of its migrations in each state, and the risks that a person still has to accept."""

    counts: dict[str, int]
    failed: int
    """Number of failures that count against the budget. If a person resumes a batch that paused at its failure budget, the count
    restarts at 0.
    """
    failure_budget: int
    """Number of migrations that may fail before the batch pauses, from ``failureBudget`` or ``failurePercent`` of its policy."""
    journal: tuple[BatchAct, ...]
    """Who paused, resumed or stopped the batch, began a wave or set the policy, oldest act first."""
    waves: tuple[WaveView, ...]
    """The waves of an acknowledged batch; empty before the acknowledgement, or if the policy has no waves."""
    held_back: str
    """Why no ready migration can start now; empty if a migration can start, or if no migration is ready."""
    next_opening: datetime | None
    """The time at which windows and blackouts allow the next start; null if a start is allowed now, or never again."""
    account_troubles: tuple[AccountTrouble, ...]
    """The accounts of the batch that cannot be used now, with the reasons."""
    jobs_to_start: int
    """Number of jobs that a person has to start in the ECS console now. With driver ``auto``, at most 100 jobs are counted."""
    risks: Risks | None
    """The risks of the batch's policy; null once the batch is acknowledged and no approval is missing."""


@dataclass(frozen=True)
class BatchList:
    """A page of batches, newest first; ``next_token`` is empty on the last page."""

    batches: tuple[BatchView, ...]
    next_token: str


@dataclass(frozen=True)
class MigrationView:
    """One migration, with the fields that lists show. An act on the migration must name the field ``version`` in the header
    If-Match.
    """

    migration_id: str
    batch_id: str
    instance_id: str
    instance_name: str
    account_id: str
    region_id: str
    state: str
    version: int
    driver: str
    driver_why: str
    """The reason why ``auto`` chose this driver, in words; empty if the policy names the driver."""
    os_type: str
    source: str
    destination: str
    """The destination that a person chose; empty if none was chosen."""
    route_end: str
    """The release at the end of the route. Before a route is planned, the chosen destination; empty if none was chosen."""
    hop: int
    hops: int
    attempt: int
    progress: int
    """Progress of the running job, in percent."""
    created_at: datetime
    entered_at: datetime
    finished_at: datetime | None
    snapshots_made: int
    snapshots_swept: int
    failure: Failure | None
    dry_run: bool
    """Whether the migration's batch is a dry run, which is only planned and prechecked."""


@dataclass(frozen=True)
class RollbackDiskView:
    """One disk of a rollback. The field ``state`` is ``restored``, ``not restored``, or ``unknown`` while ECS may be resetting the
    disk.
    """

    disk_id: str
    snapshot_id: str
    state: str


@dataclass(frozen=True)
class MigrationDetail(MigrationView):
    """One migration with its route, its findings, what it waits for, and the acts that are possible now."""

    route: tuple[Hop, ...]
    waits_for: str
    """What must happen before the migration continues, in words; empty if the migration has ended."""
    findings: tuple[Finding, ...]
    blocked: bool
    released_at: datetime | None
    restarts: int
    acts: tuple[str, ...]
    rollback_disks: tuple[RollbackDiskView, ...]
    """The state of each disk in a rollback; empty before a rollback."""
    smc_rollback: str
    """Whether SMC restored the disks after a job that failed, was cancelled or was a drill; empty for other jobs."""
    rollback_approvals: ApprovalStatusView | None
    """The approvals of the migration's rollback; null if the policy needs no approval, or if the migration
    cannot be rolled back now.
    """
    command: str
    """The pre or post command that runs in the guest now, or how the last command ended; empty if no command ran."""
    group: str
    """The migration's redundancy group as tag=value; empty without a group."""
    tool_log: ToolLog | None
    """The end of the log of the tool that failed in the instance; null if no tool has failed."""


@dataclass(frozen=True)
class MigrationList:
    """A page of migrations; ``next_token`` is empty on the last page."""

    migrations: tuple[MigrationView, ...]
    next_token: str


@dataclass(frozen=True)
class JournalLine:
    """One step in a migration's journal: the old and the new state, the time, the person or stage, and the reason."""

    version: int
    at: datetime
    from_: str | None
    to: str
    by: str
    reason: str
    hop: int
    attempt: int
    trust: str
    door: str


@dataclass(frozen=True)
class Journal:
    """The complete journal of a migration, oldest line first."""

    migration_id: str
    lines: tuple[JournalLine, ...]


@dataclass(frozen=True)
class RefusedAct:
    """Why an act was refused for one migration, and the remedy."""

    migration_id: str
    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class RetryResult:
    """The result of retrying some migrations of a batch: the ids of retried migrations, and the reasons for the refusals."""

    retried: tuple[str, ...]
    refused: tuple[RefusedAct, ...]


@dataclass(frozen=True)
class ConfirmationResult:
    """The result of confirming some migrations of a batch: the ids of confirmed migrations, and the reasons for the refusals."""

    confirmed: tuple[str, ...]
    refused: tuple[RefusedAct, ...]


@dataclass(frozen=True)
class RollbackResult:
    """The result of rolling back some migrations of a batch: the ids whose rollback has begun, and the reasons for the refusals."""

    begun: tuple[str, ...]
    refused: tuple[RefusedAct, ...]


@dataclass(frozen=True)
class CancellationResult:
    """The result of cancelling some migrations of a batch: the ids of cancelled migrations, and the reasons for the refusals."""

    cancelled: tuple[str, ...]
    refused: tuple[RefusedAct, ...]


def as_json(value: object) -> Any:
    """Return a view as plain JSON values: field names in camelCase, times in UTC as ISO 8601, keys of mappings unchanged."""
    if is_dataclass(value) and not isinstance(value, type):
        return {camel_case(each.name): as_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    return value
