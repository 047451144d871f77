"""Handles the events of ECS: counts restarts, wakes the snapshot stage after the last snapshot, and calls the guard.

Alibaba Cloud does not document how EventBridge wraps an ECS event. The stage can read two formats: the whole CloudMonitor object,
and only its content. A lost event delays a migration by minutes only, because the tick polls too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.domain import events
from shared.domain.ledger import SnapshotState, migration_id_in_name
from shared.domain.message import Message, Outcome
from shared.domain.migration import State
from shared.ports.ports import Ports

STATE_CHANGE = "ecs:Instance:StateChange"
SNAPSHOT_COMPLETED = "ecs:Snapshot:CreateSnapshotCompleted"
UNFINISHED_SNAPSHOTS = frozenset({SnapshotState.INTENDED, SnapshotState.CREATING})
RESTARTS_COUNTED_IN = frozenset({State.MIGRATING, State.RESTARTING, State.VALIDATING})


def handle_ecs_event(message: Message, ports: Ports) -> Outcome:
    """React to an event of ECS. An event that concerns no migration is ignored."""
    content = message.data.get("content", message.data)
    if not isinstance(content, dict):
        return Outcome("stale", {"reason": "an ECS event without content"})
    if message.type == STATE_CHANGE:
        return _count_restart_or_alert(message, content, ports)
    if message.type == SNAPSHOT_COMPLETED:
        return _process_finished_snapshot(message, content, ports)
    return Outcome("stale", {"reason": f"{message.type} is not handled"})


def _count_restart_or_alert(message: Message, content: dict[str, Any], ports: Ports) -> Outcome:
    """Count a restart when an instance runs again. The guard checks every other change of an instance's power state."""
    instance_id, state = str(content.get("resourceId", "")), str(content.get("state", ""))
    region_id = str(message.data.get("regionId") or message.region_id or "")
    if state not in ("Running", "Stopped", "Deleted") or not instance_id:
        return Outcome("stale", {"reason": "no restart"})
    account = ports.account_as_stored(message.account_id)
    if account is None:
        return Outcome("stale", {"reason": "the account of the event is not served"})
    holder = ports.admission.instance_lock_holder(region_id, instance_id, account=account)
    if not holder:
        return Outcome("stale", {"reason": "no migration has the instance"})
    at = message.at or ports.clock.now()
    if state == "Running" and ports.migrations.add_restart(holder, message.event_id, at, RESTARTS_COUNTED_IN):
        return Outcome("done", {"migrationId": holder, "restart": True})
    from shared.stages.guard import (
        alert_on_power_change_by_others,  # rarely needed: most events are expected restarts, or concern no migration
    )

    return alert_on_power_change_by_others(holder, state, message, ports)


def _process_finished_snapshot(message: Message, content: dict[str, Any], ports: Ports) -> Outcome:
    """Record a finished snapshot in the ledger.

    After the last snapshot of a migration, wake the snapshot stage. The snapshot stage records the last snapshot itself.
    """
    migration_id = migration_id_in_name(str(content.get("snapshotName", "")))
    if not migration_id:
        return _alert_on_snapshot_by_others(message, content, ports)
    migration = ports.migrations.load(migration_id)
    if migration.account_id != ports.account_as_stored(message.account_id):
        return Outcome("stale", {"reason": "the account of the event is not the migration's"})
    if migration.state is not State.SNAPSHOTTING:
        return Outcome("stale", {"reason": f"the migration is {migration.state.value}"})
    prefix = f"{migration.hop}-{migration.attempt}-"
    entries = [each for each in ports.ledger.entries_of_migration(migration_id) if each.key.startswith(prefix)]
    mine = [each for each in entries if each.snapshot_id == content.get("snapshotId")]
    waiting = [each for each in entries if each.state in UNFINISHED_SNAPSHOTS and each not in mine]
    if waiting or len(entries) < len(migration.disks):
        if content.get("result") == "accomplished":
            for entry in mine:
                if entry.state is SnapshotState.CREATING:
                    ports.ledger.write_entry(replace(entry, state=SnapshotState.ACCOMPLISHED))
        return Outcome("waiting", {"migrationId": migration_id, "left": len(waiting)})
    nudge = str(content.get("snapshotId", ""))
    ports.bus.publish([events.migration_event(migration, events.STEP_DUE, stage="snapshot", nudge=nudge)])
    return Outcome("done", {"migrationId": migration_id})


def _alert_on_snapshot_by_others(message: Message, content: dict[str, Any], ports: Ports) -> Outcome:
    account = ports.account_as_stored(message.account_id)
    if account is None:
        return Outcome("stale", {"reason": "the account of the event is not served"})
    # rarely needed: this import would slow down every start of the function
    from shared.stages.guard import alert_on_snapshot_by_others

    return alert_on_snapshot_by_others(content, account, message, ports)
