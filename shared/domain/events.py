"""The events of the pipeline: their types, their consumers and their data.

Every type of event has one producer, and a folder under events/ with its schema and samples. A test checks that the table of
producers and the folders under events/ list the same types. The field ``stage`` of an event's data names the stage that acts next.
The rules of the event bus route an event by its type, and by its stage if the event names a stage. Events that no stage acts on are
only for information.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.domain.migration import Migration
from shared.domain.record import dataclass

SOURCE = "replank"

END_OF_LIFE = "replank:OperatingSystem:EndOfLife"
BATCH_SUBMITTED = "replank:Batch:BatchSubmitted"
BATCH_ACKNOWLEDGED = "replank:Batch:BatchAcknowledged"
BATCH_PAUSED = "replank:Batch:BatchPaused"
WAVE_FINISHED = "replank:Batch:WaveFinished"
APPROVAL_NEEDED = "replank:Batch:ApprovalNeeded"
APPROVAL_EXPIRING = "replank:Batch:ApprovalExpiring"
BATCH_DONE = "replank:Batch:BatchDone"
READY_TO_CONFIRM = "replank:Batch:ReadyToConfirm"
PLANNING_DUE = "replank:Batch:PlanningDue"
MIGRATION_REQUESTED = "replank:Migration:MigrationRequested"
PRECHECK_PASSED = "replank:Migration:PrecheckPassed"
PRECHECK_FAILED = "replank:Migration:PrecheckFailed"
PRECHECK_OUTDATED = "replank:Migration:PrecheckOutdated"
ADMISSION_DUE = "replank:Migration:AdmissionDue"
SNAPSHOT_READY = "replank:Migration:SnapshotReady"
SNAPSHOT_FAILED = "replank:Migration:SnapshotFailed"
MIGRATION_STARTED = "replank:Migration:MigrationStarted"
START_FAILED = "replank:Migration:StartFailed"
INSTANCE_RESTARTED = "replank:Migration:InstanceRestarted"
MIGRATION_FAILED = "replank:Migration:MigrationFailed"
HOP_VALIDATED = "replank:Migration:HopValidated"
MIGRATION_VALIDATED = "replank:Migration:MigrationValidated"
VALIDATION_FAILED = "replank:Migration:ValidationFailed"
CONFIRMATION_GIVEN = "replank:Migration:ConfirmationGiven"
RETRY_REQUESTED = "replank:Migration:RetryRequested"
ROLLBACK_REQUESTED = "replank:Migration:RollbackRequested"
MIGRATION_CANCELLED = "replank:Migration:MigrationCancelled"
ROLLED_BACK = "replank:Migration:RolledBack"
ROLLBACK_FAILED = "replank:Migration:RollbackFailed"
INSTANCE_DISTURBED = "replank:Migration:InstanceDisturbed"
SNAPSHOTS_SWEPT = "replank:Migration:SnapshotsSwept"
STEP_DUE = "replank:Migration:StepDue"
COMMAND_ENDED = "ecs:CloudAssistant:TaskCompleted"
"""The event by which ECS reports that a command in a guest has ended."""

PRODUCERS = {
    BATCH_SUBMITTED: "api",
    BATCH_ACKNOWLEDGED: "api",
    BATCH_PAUSED: "watch",
    WAVE_FINISHED: "watch",
    APPROVAL_NEEDED: "watch",
    APPROVAL_EXPIRING: "watch",
    BATCH_DONE: "watch",
    READY_TO_CONFIRM: "watch",
    PLANNING_DUE: "watch",
    MIGRATION_REQUESTED: "intake",
    PRECHECK_PASSED: "precheck",
    PRECHECK_FAILED: "precheck",
    PRECHECK_OUTDATED: "snapshot",
    ADMISSION_DUE: "watch",
    SNAPSHOT_READY: "snapshot",
    SNAPSHOT_FAILED: "snapshot",
    MIGRATION_STARTED: "migrate",
    START_FAILED: "migrate",
    INSTANCE_RESTARTED: "watch",
    MIGRATION_FAILED: "watch",
    HOP_VALIDATED: "validate",
    MIGRATION_VALIDATED: "validate",
    VALIDATION_FAILED: "validate",
    CONFIRMATION_GIVEN: "api",
    RETRY_REQUESTED: "api",
    ROLLBACK_REQUESTED: "api",
    MIGRATION_CANCELLED: "api",
    ROLLED_BACK: "rollback",
    ROLLBACK_FAILED: "rollback",
    INSTANCE_DISTURBED: "watch",
    SNAPSHOTS_SWEPT: "sweep",
    STEP_DUE: "watch",
    END_OF_LIFE: "intake",
}
"""For each type of event, the function that publishes the event. An end-of-life notice may also come from outside the pipeline."""

CONSUMERS: dict[str, tuple[str, ...]] = {
    END_OF_LIFE: ("intake",),
    BATCH_SUBMITTED: ("intake",),
    PLANNING_DUE: ("intake",),
    BATCH_ACKNOWLEDGED: ("watch",),
    MIGRATION_REQUESTED: ("precheck",),
    PRECHECK_PASSED: ("snapshot",),
    PRECHECK_OUTDATED: ("precheck",),
    ADMISSION_DUE: ("snapshot",),
    SNAPSHOT_READY: ("migrate",),
    INSTANCE_RESTARTED: ("validate",),
    HOP_VALIDATED: ("precheck",),
    RETRY_REQUESTED: ("precheck", "migrate"),
    ROLLBACK_REQUESTED: ("rollback",),
    STEP_DUE: ("precheck", "snapshot", "migrate", "validate", "rollback"),
    MIGRATION_VALIDATED: ("watch",),
    VALIDATION_FAILED: ("watch",),
    START_FAILED: ("watch",),
    SNAPSHOT_FAILED: ("watch",),
}
"""For each type of event, the stages that act on the event. The rules in template.yml route events by type and by ``data.stage``.
"""

SLOT_RELEASED = frozenset({MIGRATION_VALIDATED, VALIDATION_FAILED, START_FAILED, SNAPSHOT_FAILED})
"""The types of events that are published after a slot was released outside a tick. When the watch function receives such an event,
it may offer the released slot at once.
"""

TIMED = frozenset({"intake", "watch", "sweep"})
"""Functions that a timer calls."""
ECS = "acs.ecs"
"""The source of ECS's own events, which the watch function handles."""
PLAIN_COMMAND = "replank"
"""The common name of all guest commands whose end wakes no stage."""
COMMAND_PREFIX = f"{PLAIN_COMMAND}-"
KEPT = "kept-"
"""The word in the names of commands that an account keeps. No id of a migration begins with it."""
WAIT_FOR_COMMANDS = ("precheck", "migrate", "validate")
"""The stages that wait for the end of a command in a guest. An event wakes a waiting stage; if the event is lost, the tick wakes
the stage.
"""


def accepts_message(function: str, type: str, source: str) -> bool:
    """Whether the function accepts messages of the given type and source. A function refuses all other messages."""
    if type == "timer":
        return function in TIMED
    of_ecs = function == "watch" or (type == COMMAND_ENDED and function in WAIT_FOR_COMMANDS)
    return function in CONSUMERS.get(type, ()) or (source == ECS and of_ecs)


def guest_command_name(stage: str, migration_id: str) -> str:
    """The name of a guest command that wakes the stage when the command ends. The rules of the event bus choose the stage by the
    beginning of the command's name.
    """
    return f"{COMMAND_PREFIX}{stage}-{migration_id}"


def migration_id_in_command(name: str) -> str:
    """The migration id in a command's name; empty if no stage waits for the command."""
    stage, _, migration_id = name.removeprefix(COMMAND_PREFIX).partition("-")
    return migration_id if name.startswith(COMMAND_PREFIX) and stage in WAIT_FOR_COMMANDS else ""


def kept_command_prefix(stage: str) -> str:
    """The beginning of the names of the commands that an account keeps, and whose end wakes the stage. The stage is empty for
    commands whose end wakes no stage.
    """
    return f"{COMMAND_PREFIX}{stage}-{KEPT}" if stage else f"{COMMAND_PREFIX}{KEPT}"


def is_end_of_kept_command(type: str, name: str) -> bool:
    """Whether an event of this type tells of the end of a kept command that wakes a stage. The name of a kept command contains no
    migration, because every migration invokes the same command.
    """
    return type == COMMAND_ENDED and any(name.startswith(kept_command_prefix(stage)) for stage in WAIT_FOR_COMMANDS)


@dataclass(frozen=True)
class Event:
    """One event to publish. The field ``subject`` names the migration or batch, and ``data`` is a JSON object.

    The field ``event_id`` identifies the event. If an event is published twice, both publications have the same id.
    """

    type: str
    event_id: str
    subject: str
    data: dict[str, Any]


def reminder_id(now: datetime) -> str:
    """The value of the field ``nudge`` in all reminders that one tick sends. Each tick has a different value."""
    return now.strftime("%Y%m%dT%H%M%S")


def migration_event(migration: Migration, type: str, *, stage: str = "", **more: Any) -> Event:
    """An event about a migration. The event describes the migration after the step that causes the event."""
    data: dict[str, Any] = {
        "migrationId": migration.migration_id,
        "batchId": migration.batch_id,
        "instanceId": migration.instance_id,
        "regionId": migration.region_id,
        "version": migration.version,
        "state": migration.state.value,
        "hop": migration.hop,
        "attempt": migration.attempt,
    }
    if migration.account_id:
        data["accountId"] = migration.account_id
    if stage:
        data["stage"] = stage
    data.update(more)
    event_id = f"{migration.migration_id}-{migration.version}-{type.rpartition(':')[2]}"
    if type in (STEP_DUE, ADMISSION_DUE):
        event_id += f"-{more.get('nudge', '')}"
    return Event(type, event_id, f"migration/{migration.migration_id}", data)


def batch_event(batch_id: str, type: str, **more: Any) -> Event:
    """An event about a batch. The argument ``more`` contains additional fields for the event's data."""
    told = str(more.get("nudge", more.get("version", "")))
    event_id = "-".join(filter(None, (batch_id, type.rpartition(":")[2], told)))
    return Event(type, event_id, f"batch/{batch_id}", {"batchId": batch_id, **more})
