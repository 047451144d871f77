"""The guard: records what somebody else does to an instance during its migration, and raises an alarm.

The guard stops nothing. The stages check the instance before each destructive step. A person decides how to react to the alarm.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.domain import events
from shared.domain.errors import Permanent, Stale
from shared.domain.ledger import SMC_PREFIX
from shared.domain.message import Message, Outcome
from shared.domain.migration import MOVING, Migration, State, step_to_state
from shared.domain.retry import LOST_RACE
from shared.ports.ports import Ports
from shared.stages.advance import advance_migration

_LOG = logging.getLogger("replank")

ACTOR = "somebody else"
MOST_EVENTS_KEPT = 8
"""Maximum event ids that a migration stores to recognise repeated events. The bus may repeat an event for up to a day."""
LOADED_AT_ONCE = 100
_EXPECTED = Outcome("stale", {"reason": "expected: the pipeline or its job did this"})


def alert_on_power_change_by_others(migration_id: str, state: str, message: Message, ports: Ports) -> Outcome:
    """Record that the instance was stopped, restarted or released, if neither the pipeline nor the migration's job can be the
    cause.
    """
    at = message.at or ports.clock.now()
    for _ in range(LOST_RACE.calls):
        migration = ports.migrations.load(migration_id)
        what = _power_change_by_others(migration, state, at, ports)
        if not what:
            return _EXPECTED
        try:
            return _alert_on_outside_change(migration, what, message, ports)
        except Stale:
            continue
    raise Stale("Migration.Moved", f"{migration_id} changed at each attempt.", "Nothing to do.")


def _power_change_by_others(migration: Migration, state: str, at: datetime, ports: Ports) -> str:
    """Return, in words, what somebody else did to the instance; empty if the pipeline or its job may be the cause."""
    if state == "Deleted":
        return "released the instance" if migration.state in MOVING | {State.ROLLING_BACK} else ""
    if not _has_no_running_job(migration) or at < migration.entered_at:
        return ""
    if state == "Stopped":  # a restarting instance is Stopped for a moment; only a lasting stop counts
        compute = ports.ports_for_migration(migration).compute
        stays = compute.instance_statuses(migration.region_id, [migration.instance_id]).get(migration.instance_id) == "Stopped"
        return "stopped the instance" if stays else ""
    return "restarted the instance" if migration.state is not State.VALIDATING and migration.is_untouched else ""


def _has_no_running_job(migration: Migration) -> bool:
    """Whether it is certain that no job of the migration's hop is running. A running job may stop and start the instance at any
    time.
    """
    if migration.state is State.SNAPSHOTTED:
        return not migration.may_job_have_run
    return migration.state in (State.SNAPSHOTTING, State.VALIDATING)


def alert_on_snapshot_by_others(content: dict[str, Any], account: str, message: Message, ports: Ports) -> Outcome:
    """Record a snapshot that somebody else made while the disk's instance is being migrated.

    Snapshots with SMC's name prefix are SMC's own copies and are ignored.
    """
    if str(content.get("snapshotName", "")).startswith(SMC_PREFIX):
        return _EXPECTED
    ids, disk_id = sorted(ports.admission.slot_holders()), str(content.get("diskId", ""))
    for start in range(0, len(ids), LOADED_AT_ONCE):
        for each in ports.migrations.load_migrations(ids[start : start + LOADED_AT_ONCE]):
            if disk_id in each.disks and each.account_id == account and each.state in MOVING:
                return _alert_on_outside_change(
                    each, f"made snapshot {content.get('snapshotId', '')} of disk {disk_id}", message, ports
                )
    return _EXPECTED


def _alert_on_outside_change(migration: Migration, what: str, message: Message, ports: Ports) -> Outcome:
    """Record in the journal what somebody else did to the instance, publish an event and log an error. A repeated event has no
    effect.

    Raises Stale if the row has changed since it was read.
    """
    key = hashlib.sha256(message.event_id.encode()).hexdigest()[:16]
    if key in migration.disturbed:
        return Outcome("stale", {"reason": "already recorded"})
    said = f"{ACTOR} {what}"[:500]
    taken = step_to_state(
        migration,
        migration.state,
        now=ports.clock.now(),
        by="watch",
        reason=said,
        due_at=migration.due_at,
        disturbed=(*migration.disturbed[1 - MOST_EVENTS_KEPT :], key),
    )
    advance_migration(ports, replace(taken, events=(events.migration_event(taken.after, events.INSTANCE_DISTURBED, what=said),)))
    alarm = Permanent(
        "Instance.Disturbed",
        f"{migration.instance_id} was disturbed during its migration: {said}.",
        "Ask who did that and why. Look at the migration (replank show), and roll it back if its guest is not as it should be.",
    )
    _LOG.error(alarm.message, extra={"migrationId": migration.migration_id, "facts": {"code": alarm.code, "remedy": alarm.remedy}})
    return Outcome("done", {"migrationId": migration.migration_id, "disturbed": what})
