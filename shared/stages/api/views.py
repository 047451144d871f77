"""The API's answers, one dataclass each. The JSON has their field names in camelCase; its schema comes from their type hints."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from shared.domain.findings import Finding
from shared.domain.migration import Failure
from shared.domain.policy import Policy
from shared.domain.route import Hop
from shared.stages.api.people_views import ApprovalsView
from shared.stages.api.plan_views import FinishView
from shared.stages.api.selection_views import SelectionView


@dataclass(frozen=True)
class Risks:
    """What an operator acknowledges before anything moves."""

    version: str
    text: tuple[str, ...]


@dataclass(frozen=True)
class Acknowledged:
    """Who acknowledged which text, and when."""

    operator: str
    at: datetime
    risks_version: str
    trust: str
    """How the name is known: claimed, verified, or empty if an older version recorded it."""


@dataclass(frozen=True)
class BrakeView:
    """Why nothing new starts in a batch (``paused``, ``paused at budget`` or ``stopped``), by whom, when and why."""

    state: str
    by: str
    at: datetime
    why: str
    trust: str


@dataclass(frozen=True)
class BatchAct:
    """One line of a batch's journal: an act on it, at which version of the batch."""

    version: int
    at: datetime
    act: str
    by: str
    why: str
    trust: str
    before: dict[str, str]
    """Of a change of the policy: each field that changed, with its value before as JSON."""
    after: dict[str, str]
    """The same fields with their values after it."""


@dataclass(frozen=True)
class HoldAct:
    """One act on the hold: ``hold`` or ``release``, by whom, when and why."""

    act: str
    by: str
    at: datetime
    why: str
    trust: str


@dataclass(frozen=True)
class HoldView:
    """Whether everything is held, and why; the last acts, newest first. A release names the ``version`` that the person saw."""

    held: bool
    reason: str
    version: int
    history: tuple[HoldAct, ...]


@dataclass(frozen=True)
class ProblemView:
    """A problem, and what to do about it."""

    code: str
    message: str
    remedy: str
    instance_id: str = ""


@dataclass(frozen=True)
class AccountTrouble:
    """Why an account cannot be used, since when, and what to do. Migrations that wait there then go on by themselves."""

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
    """A batch, without its migrations. An act on it names ``version`` in the header If-Match."""

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
    """Digest of the chosen instances. It changes only when they change; it is empty during planning."""
    left_out: int
    """Number of instances that the selection left out."""
    problems: tuple[ProblemView, ...]
    acknowledgement: Acknowledged | None
    brake: BrakeView | None
    """Why nothing new starts; null if the batch goes on."""
    approvals: tuple[ApprovalsView, ...]
    """What persons have to approve: the batch, and its next wave."""
    ready_to_confirm_at: datetime | None
    """From when its migrations have been clean for long enough to confirm; null if none waits for that, or it is not closed."""


@dataclass(frozen=True)
class WaveView:
    """One wave: its migrations, their states, and what it waits for (empty once it has begun)."""

    number: int
    migration_ids: tuple[str, ...]
    moved: int
    moving: int
    waiting: int
    failed: int
    """Failed, refused, rolled back or cancelled."""
    waits_for: str


@dataclass(frozen=True)
class BatchStanding(BatchView):
    """A batch with the number of its migrations by state and, while somebody has to read them, its risks."""

    counts: dict[str, int]
    failed: int
    """How many failures count against the budget. A resume after a pause at the budget restarts the count at 0."""
    journal: tuple[BatchAct, ...]
    """Who paused, resumed or stopped the batch, let a wave begin or set the policy, oldest first."""
    waves: tuple[WaveView, ...]
    """The waves, once the batch is acknowledged; empty if its policy has none."""
    held_back: str
    """Why no ready migration starts now; empty if one starts, or if no migration is ready."""
    next_opening: datetime | None
    """When windows and blackouts allow the next start; null if they allow it now, or never again."""
    account_troubles: tuple[AccountTrouble, ...]
    """Which of its accounts cannot be used now, and why."""
    risks: Risks | None
    """What its policy makes a person accept; null once it is acknowledged and no approval is missing."""


@dataclass(frozen=True)
class BatchList:
    """A page of batches, newest first; ``next_token`` is empty on the last page."""

    batches: tuple[BatchView, ...]
    next_token: str


@dataclass(frozen=True)
class MigrationView:
    """One migration as lists show it. An act on it names ``version`` in the header If-Match."""

    migration_id: str
    batch_id: str
    instance_id: str
    instance_name: str
    account_id: str
    region_id: str
    state: str
    version: int
    driver: str
    os_type: str
    source: str
    destination: str
    hop: int
    hops: int
    attempt: int
    progress: int
    """Percent of the job under way."""
    created_at: datetime
    entered_at: datetime
    finished_at: datetime | None
    snapshots_made: int
    snapshots_swept: int
    failure: Failure | None
    dry_run: bool
    """Whether its batch is a dry run: planned and prechecked only."""


@dataclass(frozen=True)
class DiskRestored:
    """One disk of a rollback: ``restored``, ``not restored`` or ``unknown`` (asked for, but not seen to be done)."""

    disk_id: str
    snapshot_id: str
    state: str


@dataclass(frozen=True)
class MigrationDetail(MigrationView):
    """One migration with its route, what the precheck found, what it waits for and what may be done now."""

    route: tuple[Hop, ...]
    waits_for: str
    """What must happen before the migration goes on, in words; empty if it has ended."""
    findings: tuple[Finding, ...]
    blocked: bool
    released_at: datetime | None
    restarts: int
    acts: tuple[str, ...]
    rollback_disks: tuple[DiskRestored, ...]
    """The progress of a rollback with each disk; empty before a rollback."""
    smc_rollback: str
    """After a job that failed, was cancelled or was a drill: SMC rolled back, not rolled back, or not known; else empty."""
    rollback_approvals: ApprovalsView | None
    """Who has approved its rollback; null if the policy asks for none, or if it cannot be rolled back now."""
    command: str
    """The batch's command in the guest that runs now, or how the last one ended; empty if none ran."""
    group: str
    """Its redundancy group (tag=value); empty for none."""


@dataclass(frozen=True)
class MigrationList:
    """A page of migrations; ``next_token`` is empty on the last page."""

    migrations: tuple[MigrationView, ...]
    next_token: str


@dataclass(frozen=True)
class JournalLine:
    """One step of a migration's history."""

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
    """The complete history, oldest first."""

    migration_id: str
    lines: tuple[JournalLine, ...]


@dataclass(frozen=True)
class RefusedAct:
    """Why an act was refused for one migration, and what to do about it."""

    migration_id: str
    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class Retries:
    """What a batch's retry did: the ids tried again, and why the others were not."""

    retried: tuple[str, ...]
    refused: tuple[RefusedAct, ...]


@dataclass(frozen=True)
class Confirmations:
    """What a batch's confirmation did: the ids confirmed, and why the others were not."""

    confirmed: tuple[str, ...]
    refused: tuple[RefusedAct, ...]


@dataclass(frozen=True)
class SnapshotView:
    """One snapshot held for a migration; ``cost_per_month`` in the currency of the answer."""

    snapshot_id: str
    migration_id: str
    instance_id: str
    disk_id: str
    account_id: str
    region_id: str
    owner: str
    state: str
    size_gib: int
    created_at: datetime
    sweep_at: datetime | None
    cost_per_month: float
    kept: str
    """Why a snapshot that bears SMC's name is taken for somebody else's, and never deleted; empty for ours."""


@dataclass(frozen=True)
class StuckRow:
    """One stuck item: ``kind`` is ``unreadable migration``, ``unreadable batch``, ``owed`` or ``planning``."""

    kind: str
    id: str
    cause: str
    remedy: str


@dataclass(frozen=True)
class Stuck:
    """What is stuck, with the causes; ``more`` if one answer could not check everything."""

    stuck: tuple[StuckRow, ...]
    more: bool


@dataclass(frozen=True)
class SnapshotList:
    """A page of the snapshots held, with the sums of this page; ``price`` is per GiB and month."""

    snapshots: tuple[SnapshotView, ...]
    next_token: str
    size_gib: int
    cost_per_month: float
    price: float
    currency: str


@dataclass(frozen=True)
class ResultLine:
    """The outcome of one migration, as a line of a report."""

    migration_id: str
    instance_id: str
    instance_name: str
    from_: str
    to: str
    state: str
    result: str
    """``completed``, ``refused``, ``failed``, ``rolled_back``, ``cancelled``, or ``open`` while it is under way."""
    hops: int
    restarts: int
    attempts: int
    snapshots_made: int
    snapshots_swept: int
    minutes: int
    """Minutes from acceptance to the outcome, with the wait for a slot but without confirmation and retention."""
    smc_rollback: str
    """After a job that failed, was cancelled or was a drill: SMC rolled back, not rolled back, or not known; else empty."""
    driver: str
    """What carried out the replacement."""
    reasons: tuple[ProblemView, ...]


@dataclass(frozen=True)
class BatchReport:
    """A page of a batch's outcomes; ``problems`` are instances that have no migration."""

    batch_id: str
    migrations: tuple[ResultLine, ...]
    problems: tuple[ProblemView, ...]
    next_token: str


@dataclass(frozen=True)
class Judged:
    """The findings of one check, worst first; ``overrides`` are the reasons given, by code."""

    blocked: bool
    findings: tuple[Finding, ...]
    overrides: dict[str, str]


@dataclass(frozen=True)
class AspectView:
    """One aspect before and after, in words; ``standing`` is same, expected, warning or failure."""

    what: str
    before: str
    after: str
    standing: str


@dataclass(frozen=True)
class Judgement:
    """The findings of precheck and validation on one instance, and the guest before and after; null if not checked yet."""

    migration_id: str
    instance_id: str
    name: str
    route: tuple[str, ...]
    state: str
    verdict: str
    """``blocked``, ``failed``, ``warnings``, ``passed`` or ``not assessed``."""
    precheck: Judged | None
    validation: Judged | None
    aspects: tuple[AspectView, ...]
    smc_rollback: str
    """The same as in the migration's own view."""


@dataclass(frozen=True)
class Judgements:
    """A page of a batch's judgements; ``next_token`` is empty on the last page."""

    batch_id: str
    made_at: datetime
    instances: tuple[Judgement, ...]
    next_token: str


@dataclass(frozen=True)
class ReportDocument:
    """The report of a batch as a file: every page of its judgements; ``summary`` counts the instances by verdict."""

    batch_id: str
    title: str
    made_at: datetime
    digest: str
    """Digest of the instances chosen; empty if an older version planned the batch."""
    planned: FinishView | None
    """The finish as planned at the acknowledgement; null before it."""
    finished_at: datetime | None
    outcomes: dict[str, int]
    """Number of migrations by state."""
    summary: dict[str, int]
    instances: tuple[Judgement, ...]


@dataclass(frozen=True)
class MigrationReport:
    """Everything worth keeping of one migration."""

    result: ResultLine
    route: tuple[Hop, ...]
    findings: tuple[Finding, ...]
    judgement: Judgement
    journal: tuple[JournalLine, ...]
    snapshots: tuple[SnapshotView, ...]


def as_json(value: object) -> Any:
    """A view as plain JSON values; field names in camelCase, times ISO 8601 in UTC, keys of mappings untouched."""
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


def camel_case(name: str) -> str:
    """The camelCase form of a name: ``next_token`` becomes ``nextToken``; a trailing underscore (``from_``) is dropped."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)
