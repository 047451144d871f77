"""One migration: its states, the table of transitions, and the step from one row version to the next.

The code, docs/architecture.md and the checker of journals all use the table TRANSITIONS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import Enum
from typing import Any

from shared.domain.after_job import ROLLED_BACK_BY_SMC, AfterJobRecord, smc_rollback_in_words
from shared.domain.commands import NOTHING_RAN, CommandProgress
from shared.domain.disk_reset import DiskReset
from shared.domain.drivers import DEFAULT_DRIVER, driver_traits
from shared.domain.errors import Bug
from shared.domain.findings import Assessment
from shared.domain.hop import Hop
from shared.domain.record import dataclass


class State(Enum):
    """The states of a migration."""

    ACCEPTED = "accepted"
    PRECHECKING = "prechecking"
    PRECHECK_FAILED = "precheck_failed"
    READY = "ready"
    SNAPSHOTTING = "snapshotting"
    SNAPSHOTTED = "snapshotted"
    MIGRATING = "migrating"
    RESTARTING = "restarting"
    VALIDATING = "validating"
    MIGRATED = "migrated"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    FAILED = "failed"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"
    WAITING = "waiting"
    """The state of a retry that makes no new snapshots and waits for a slot."""


S = State
TRANSITIONS: dict[State | None, frozenset[State]] = {
    None: frozenset({S.ACCEPTED}),
    S.ACCEPTED: frozenset({S.PRECHECKING, S.PRECHECK_FAILED, S.CANCELLED, S.FAILED}),
    S.PRECHECKING: frozenset({S.READY, S.PRECHECK_FAILED, S.CANCELLED, S.FAILED}),
    S.PRECHECK_FAILED: frozenset({S.PRECHECK_FAILED, S.ACCEPTED, S.CANCELLED}),
    S.READY: frozenset({S.READY, S.SNAPSHOTTING, S.ACCEPTED, S.CANCELLED, S.FAILED, S.ROLLING_BACK}),
    S.SNAPSHOTTING: frozenset({S.SNAPSHOTTING, S.SNAPSHOTTED, S.FAILED, S.CANCELLED}),
    S.SNAPSHOTTED: frozenset({S.SNAPSHOTTED, S.READY, S.WAITING, S.MIGRATING, S.FAILED, S.CANCELLED, S.ROLLING_BACK}),
    S.MIGRATING: frozenset({S.MIGRATING, S.RESTARTING, S.FAILED}),
    S.RESTARTING: frozenset({S.RESTARTING, S.VALIDATING, S.FAILED}),
    S.VALIDATING: frozenset({S.VALIDATING, S.MIGRATED, S.ACCEPTED, S.FAILED}),
    S.MIGRATED: frozenset({S.CONFIRMED, S.ROLLING_BACK}),
    S.CONFIRMED: frozenset({S.CONFIRMED, S.COMPLETED}),
    S.COMPLETED: frozenset(),
    S.FAILED: frozenset({S.FAILED, S.ACCEPTED, S.WAITING, S.SNAPSHOTTED, S.RESTARTING, S.ROLLING_BACK, S.CONFIRMED, S.CANCELLED}),
    S.ROLLING_BACK: frozenset({S.ROLLING_BACK, S.ROLLED_BACK, S.FAILED}),
    S.ROLLED_BACK: frozenset({S.ROLLED_BACK}),
    S.CANCELLED: frozenset({S.CANCELLED}),
    S.WAITING: frozenset({S.WAITING, S.SNAPSHOTTED, S.RESTARTING, S.FAILED, S.ROLLING_BACK, S.CANCELLED}),
}
"""The states that may follow each state. A step that does not change the state records progress, or a release of the snapshots, in
the journal.

In earlier versions of Replank, a retry led directly from ``failed`` to ``snapshotted`` or ``restarting``.
"""

TERMINAL = frozenset({S.COMPLETED, S.ROLLED_BACK, S.CANCELLED, S.PRECHECK_FAILED})
WAITING_FOR_A_PERSON = frozenset({S.MIGRATED, S.FAILED, S.PRECHECK_FAILED})
MOVING = frozenset({S.SNAPSHOTTING, S.SNAPSHOTTED, S.MIGRATING, S.RESTARTING, S.VALIDATING})
"""States in which the instance is being migrated, and the migration holds a slot. A rollback needs no slot."""
ADMITTED = frozenset({S.READY, S.WAITING})
"""States in which a migration waits until the tick offers a slot to the migration."""
BEFORE_A_START = ADMITTED | {S.ACCEPTED, S.PRECHECKING}
"""The states that come before a start. A migration returns to one of these states if its start takes too long, and a new probe
examines the guest.
"""
ACTIVE = frozenset(S) - TERMINAL - {S.CONFIRMED}
"""States in which the migration holds its instance's lock. In the state ``accepted``, the migration holds the lock only after the
precheck has begun.
"""


@dataclass(frozen=True)
class Failure:
    """Why a migration failed: the stage, and the error's code, sentence and remedy."""

    stage: str
    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class ToolLog:
    """The last lines that a tool in the instance wrote before an attempt failed. A rollback removes the tool's own log."""

    at: datetime
    hop: int
    attempt: int
    text: str


@dataclass(frozen=True)
class DriverData:
    """The data that a driver stores with a migration. Each driver uses only some of the fields."""

    token_id: str = ""
    import_invocation_id: str = ""
    source_id: str = ""
    job_id: str = ""
    began_at: datetime | None = None
    """When the preparation of the job began. The time is stored before the first call, so that only one invocation prepares the
    job."""
    started_at: datetime | None = None
    """When the job was started. None means that the present hop has certainly not changed the instance."""
    finished_at: datetime | None = None
    ran_before: str | None = None
    """The start time that SMC showed for the job before this attempt started the job. The field is empty if the job had never been
    started, and None if nothing was recorded.
    """
    waits: str = ""
    """What a person has to do before the preparation continues, in words; empty if the preparation waits for nobody."""
    spent_job_id: str = ""
    """The id of a finished drill. A drill is a job that migrates nothing, so the driver ignores a finished drill."""
    command: str = ""
    """The name of the kept command with which the version that began the run acts in the guest; empty with RunCommand. Later
    versions go on with this command.
    """


@dataclass(frozen=True)
class MissingCommand:
    """A command that a stage needs and that the account does not keep: what a person has to do, and since when it is missing."""

    todo: str
    since: datetime


@dataclass(frozen=True)
class Migration:
    """The migration of one instance, with all fields that its row stores. All times are timezone-aware, in UTC. The field ``hop``
    counts from 0, and ``attempt`` from 1.
    """

    migration_id: str
    batch_id: str
    instance_id: str
    region_id: str
    state: State
    version: int
    entered_version: int
    entered_at: datetime
    created_at: datetime
    driver: str = DEFAULT_DRIVER
    """The driver. If the policy leaves the choice to ``auto``, the first precheck that finds a driver replaces ``auto`` with the
    driver's name.
    """
    driver_why: str = ""
    """The reason for the choice of the driver, in words; empty if the policy names the driver."""
    instance_name: str = ""
    os_type: str = "linux"
    source: str = ""
    """The name of the release that the instance ran before its first hop."""
    destination: str = ""
    """The key of the requested release; empty if the route planner chooses the release."""
    hops: tuple[Hop, ...] = ()
    hop: int = 0
    attempt: int = 1
    assessment: Assessment | None = None
    prechecked_at: datetime | None = None
    prechecked_version: int = 0
    """The row version that the last passed precheck wrote; 0 if an older version of Replank wrote the row."""
    probe_invocation_id: str = ""
    probe_count: int = 0
    """Number of probes sent so far, for any purpose. The number is part of the next probe's client token."""
    check_asked: bool = False
    """Whether the probe of the last precheck included the batch's files and check. Before the acknowledgement, no probe may include
    files and check.
    """
    disks: tuple[str, ...] = ()
    """Ids of the disks that the last precheck found. Each disk gets a snapshot before the job starts."""
    handle: DriverData = field(default_factory=DriverData)
    trace: AfterJobRecord = field(default_factory=AfterJobRecord)
    """The record of the disks' state after the job of this attempt."""
    failure: Failure | None = None
    tool_log: ToolLog | None = None
    """The log of the last attempt in which a tool in the instance failed; None if no tool has failed."""
    retried: bool = False
    """Whether a person retried the present hop. Every limit applies to a retried hop, as to a first try."""
    windows_missed: int = 0
    """Number of consecutive times that the snapshots were ready too late for their window."""
    resumes: str = ""
    """The stage in which a retry without new snapshots continues after its admission: ``migrate`` or ``validate``."""
    rollback_phase: str = ""
    rollback_disks: tuple[DiskReset, ...] = ()
    """The disks of a rollback and the progress of each disk; kept after a failure, so that a retry can continue."""
    rollback_waits: str = ""
    """The event that a rollback waits for, in words; empty if the rollback does not wait."""
    commands: CommandProgress = NOTHING_RAN
    """The progress of the batch's commands that run in the guest before and after the move."""
    stalled_at: datetime | None = None
    """When a start first failed while the migration held its present slot; None if no start failed."""
    lacks: MissingCommand | None = None
    """The kept command that the present state waits for; None if no command is missing."""
    progress: int = 0
    snapshots_made: int = 0
    snapshots_swept: int = 0
    released_at: datetime | None = None
    """When the retention period began, because a named person confirmed the migration, or released its snapshots after a rollback
    or cancellation.
    """
    finished_at: datetime | None = None
    account_id: str = ""
    """The member account of the instance; empty for the deployment's own account, and in rows of older versions of Replank."""
    group: str = ""
    """The redundancy group (``tag=value``) that the first precheck found; empty without a group. The row also contains the group in
    a column of its own.
    """
    disturbed: tuple[str, ...] = ()
    """Digests of the latest ECS events about changes that others made to the instance. The digests prevent a second record of the
    same event.
    """
    owes: tuple[int, ...] = ()
    """The row versions for which an outbox still has effects or events.

    The field is not stored, but computed when the row is read.
    """
    received: int = 0
    """The row version of the outbox that the next write of the row removes; 0 if the next write removes no outbox. The outbox holds
    nothing but the event that the running stage has received.

    The field is not stored, but computed when the row is read.
    """
    due_at: datetime | None = None
    """When the tick works on the migration next; after a confirmation, when the sweep works on the migration. The field is None if
    only a person can act, or if the migration has ended.
    """

    @property
    def current_hop(self) -> Hop:
        """The hop under way; raises Bug before a route is planned."""
        if not self.hops:
            raise Bug(f"migration {self.migration_id} has no route yet")
        return self.hops[self.hop]

    @property
    def effects_due_since(self) -> datetime:
        """When the effects of the present state became due: at its entry, or when a person confirmed it, if that was later.

        The confirmation of a rollback or a cancellation has effects of its own, but does not change the state.
        """
        return max(self.entered_at, self.released_at or self.entered_at)

    @property
    def is_last_hop(self) -> bool:
        return self.hop >= len(self.hops) - 1

    @property
    def route_end(self) -> str:
        """The release at the end of the route. Before a route is planned, the result is the chosen destination, or an empty text if
        no destination was chosen.
        """
        return self.hops[-1].destination if self.hops else self.destination

    @property
    def is_untouched(self) -> bool:
        """Whether the instance is certainly unchanged so far."""
        return self.hop == 0 and not self.may_job_have_run

    @property
    def remaining_outbox_versions(self) -> tuple[int, ...]:
        """The row versions whose outboxes stay in the row after the row's next write."""
        return tuple(version for version in self.owes if version != self.received)

    @property
    def may_job_have_run(self) -> bool:
        """Whether a job of this hop may have changed the instance. With some drivers, a job may start before the pipeline sees the
        job.
        """
        return self.handle.started_at is not None or driver_traits(self.driver).may_job_run_unseen

    @property
    def smc_rollback(self) -> str:
        """Whether SMC reset the disks after its job: ``SMC rolled back``, ``not rolled back`` or ``not known``. The result is empty
        if no job ran that may reset disks.
        """
        if not driver_traits(self.driver).copies_disks:
            return ""
        by_job = self.failure is not None and (self.failure.stage == "migrate" or self.failure.code == ROLLED_BACK_BY_SMC)
        return smc_rollback_in_words(self.trace, job_failed=by_job and self.handle.started_at is not None)

    def awaits_command(self, invocation_id: str) -> bool:
        """Whether the migration's stage waits for the end of this command in the guest. If the driver stores no command ids, the
        state of the migration decides.

        Only the end of a probe, an import or a preparation wakes a stage; see ``events.guest_command_name``.
        """
        own = (self.probe_invocation_id, self.handle.import_invocation_id)
        unstored = self.state is State.SNAPSHOTTED and driver_traits(self.driver).installs_in_guest
        return unstored or (invocation_id != "" and invocation_id in own)

    def client_token(self, *words: object) -> str:
        """The client token of one call, at most 64 ASCII characters. If the same step repeats the call, the token is the same."""
        return "-".join(("rp", self.migration_id, *map(str, words)))[:64]


@dataclass(frozen=True)
class JournalEntry:
    """One line of a migration's history. The field ``by`` holds the name of a stage or of an operator."""

    version: int
    at: datetime
    from_state: State | None
    to_state: State
    by: str
    reason: str
    hop: int = 0
    attempt: int = 1
    trust: str = ""
    """The trust in the operator's name (``claimed``, ``verified``); empty for a stage, or if an older version of Replank wrote the
    line.
    """
    door: str = ""
    """The entry point that received the request: ``trigger`` or ``gateway``; empty whenever ``trust`` is empty."""


@dataclass(frozen=True)
class Step:
    """One conditional write: the row before and after, the journal entry, and the effects and events that follow.

    The outbox stores ``effects`` and ``events`` with the row. After the write, the effects are carried out and the events are
    published, repeatedly if necessary. The field ``documents`` maps names to the observations on which the step is based. The
    documents are stored beside the row, and count only if the step is written.
    """

    before: Migration
    after: Migration
    entry: JournalEntry
    effects: tuple[Any, ...] = ()
    events: tuple[Any, ...] = ()
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def step_to_state(
    migration: Migration,
    to: State,
    *,
    now: datetime,
    by: str,
    reason: str,
    **changes: Any,
) -> Step:
    """The step from the migration's current state to the given state; ``changes`` are other fields that the step changes.

    Raises Bug if TRANSITIONS lacks the transition.
    """
    if to not in TRANSITIONS[migration.state]:
        raise Bug(f"{migration.state.value} -> {to.value} is no transition (migration {migration.migration_id})")
    version = migration.version + 1
    stalled = {} if to in BEFORE_A_START else {"stalled_at": None}
    entered = {} if to is migration.state else {"entered_version": version, "entered_at": now, "lacks": None}
    written = {"state": to, "version": version, "due_at": None, "owes": migration.remaining_outbox_versions, "received": 0}
    after = replace(migration, **{**written, **stalled, **entered, **changes})
    return Step(migration, after, JournalEntry(version, now, migration.state, to, by, reason, after.hop, after.attempt))


def first_journal_entry(migration: Migration, *, by: str, reason: str) -> JournalEntry:
    """The first line of a migration's journal."""
    return JournalEntry(migration.version, migration.created_at, None, migration.state, by, reason, 0, 1)


def replay_journal(journal: list[JournalEntry]) -> State:
    """The state after all entries of a journal. Raises Bug if an entry is missing, or if TRANSITIONS lacks a transition."""
    state: State | None = None
    for place, entry in enumerate(journal, start=1):
        if entry.version != place:
            raise Bug(f"journal line {place} has version {entry.version}")
        if entry.from_state is not state or entry.to_state not in TRANSITIONS[state]:
            raise Bug(f"journal line {place} is not a step from {state}")
        state = entry.to_state
    if state is None:
        raise Bug("the journal is empty")
    return state
