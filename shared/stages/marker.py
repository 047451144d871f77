"""Writes and reads a marker file in the guest. The marker file shows whether SMC restored the disks after a job that failed or was
a drill.

The marker file is written while the job runs, and removed at the end. If SMC has restored the disks, the marker file is gone too.
If the marker cannot be written or read, the answer is "not known", and the migration goes on.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.domain.after_job import AfterJobRecord, DisksAfterJob, GuestBeforeJobEnd, MarkerAnswer, disks_after_job, marker_text
from shared.domain.errors import Permanent, Refused, ReplankError, Transient
from shared.domain.kept_commands import KeptCall
from shared.domain.migration import Migration, step_to_state
from shared.domain.timing import LOOK_AGAIN, MARKER_TIMEOUT_S
from shared.ports.guest import CommandResult
from shared.ports.ports import Ports
from shared.stages.advance import advance_migration

if TYPE_CHECKING:
    from shared.probes.marker import Action

_LOG = logging.getLogger("replank")


def write_marker(migration: Migration, ports: Ports) -> bool:
    """Write the marker, once for each run of a job. Return whether the command was sent.

    Raises Stale if the row has changed since it was read.
    """
    text = marker_text(migration.migration_id, migration.hop, migration.attempt, migration.probe_count)
    try:
        sent = _run_marker_script(migration, "write", ports, text)
    except ReplankError as error:
        _LOG.warning("no marker is written: %s", error, extra={"migrationId": migration.migration_id})
        return False
    trace = replace(migration.trace, marker=text, marker_id=sent)
    count = migration.probe_count + 1
    _commit_step_in_same_state(migration, "watch", "a marker is written in the guest", ports, trace=trace, probe_count=count)
    return True


def remove_marker(migration: Migration, ports: Ports) -> None:
    """Remove the marker from the guest. If the command fails, a file of one line stays in the guest."""
    try:
        _run_marker_script(migration, "remove", ports)
    except ReplankError as error:
        _LOG.warning("the marker stays in the guest: %s", error, extra={"migrationId": migration.migration_id})


def ask_guest_for_marker(migration: Migration, by: str, until: datetime, ports: Ports) -> Migration:
    """Send the command that looks for the marker, or store the guest's answer in ``trace.found``.

    If the guest has not answered before the deadline, the stored answer is "not known". Raises Stale if the row has changed since
    it was read. Before the deadline, raises Transient if the guest cannot be asked.
    """
    late = ports.clock.now() > until
    try:
        after = (
            _process_marker_answer(migration, by, ports) if migration.trace.look_id else _send_marker_query(migration, by, ports)
        )
        if after is not None or not late:
            return after or migration
    except (Transient, Refused) as error:
        if not late:
            raise Transient(error.code, error.message) from error
        _log_missing_answer(migration, error)
    except Permanent as error:
        _log_missing_answer(migration, error)
    return _record_disks_after_job(migration, by, replace(migration.trace, found=DisksAfterJob.UNKNOWN), ports)


def _log_missing_answer(migration: Migration, error: ReplankError) -> None:
    _LOG.warning("the guest cannot be asked for the marker: %s", error, extra={"migrationId": migration.migration_id})


def _send_marker_query(migration: Migration, by: str, ports: Ports) -> Migration | None:
    """Send the command that looks for the marker. Return None if the guest's agent does not answer."""
    agent = ports.guest.agents_by_instance_id(migration.region_id, [migration.instance_id]).get(migration.instance_id)
    if agent is None or not agent.alive:
        return None
    trace = replace(migration.trace, look_id=_run_marker_script(migration, "look", ports))
    sent = migration.probe_count + 1
    return _commit_step_in_same_state(migration, by, "the guest is asked for the marker", ports, trace=trace, probe_count=sent)


def _process_marker_answer(migration: Migration, by: str, ports: Ports) -> Migration | None:
    """Read and record the guest's answer about the marker. Return None while the command runs.

    A command that failed is sent again.
    """
    # rarely needed: this import would slow down every start of the watch function
    from shared.probes.marker import parse_marker_answer

    result = ports.guest.command_result(migration.region_id, migration.instance_id, migration.trace.look_id)
    if result is None:
        return None
    seen = parse_marker_answer(migration.os_type, result.output) if _has_command_succeeded(result) else None
    if seen is None:
        return _commit_step_in_same_state(
            migration, by, "the query for the marker failed", ports, trace=replace(migration.trace, look_id="")
        )
    is_drill = migration.trace.ended is not None and migration.trace.ended.is_drill
    found = disks_after_job(_guest_before_job(migration, ports), seen, is_drill=is_drill, now=ports.clock.now())
    remove_marker(migration, ports)
    return _record_disks_after_job(migration, by, replace(migration.trace, found=found, system=_system_name_in_answer(seen)), ports)


def _guest_before_job(migration: Migration, ports: Ports) -> GuestBeforeJobEnd:
    from shared.domain.guest import GuestFacts
    from shared.stages.observed import baseline_observation

    guest = baseline_observation(migration, ports).guest or GuestFacts()
    marker = migration.trace.marker if _is_marker_written(migration, ports) else ""
    return GuestBeforeJobEnd(guest.os_id, guest.os_version, marker, migration.prechecked_at)


def _is_marker_written(migration: Migration, ports: Ports) -> bool:
    """Whether the command that writes the marker is known to have succeeded."""
    if not migration.trace.marker_id:
        return False
    try:
        result = ports.guest.command_result(migration.region_id, migration.instance_id, migration.trace.marker_id)
    except Refused:
        return False
    return result is not None and _has_command_succeeded(result)


def _has_command_succeeded(result: CommandResult) -> bool:
    return result.status in ("Success", "Finished") and result.exit_code == 0


def _system_name_in_answer(seen: MarkerAnswer) -> str:
    return (seen.os_name or f"{seen.os_id or ''} {seen.os_version or ''}").strip()


def _run_marker_script(migration: Migration, act: Action, ports: Ports, marker: str = "") -> str:
    """Run the script that writes, removes or looks for the marker in the guest. Return the command's id.

    Repeated calls with the same ``act`` and the same ``probe_count`` of the migration run the script only once.
    """
    from shared.probes.marker import marker_script

    return ports.guest.launch_script(
        migration.region_id,
        migration.instance_id,
        os_type=migration.os_type,
        script=marker_script(migration.os_type, act, marker=marker),
        token=migration.client_token(migration.hop, migration.attempt, f"marker-{act}", migration.probe_count),
        timeout_s=MARKER_TIMEOUT_S,
        kept=lambda: _kept_marker(migration.os_type, act, marker),
    )


def _kept_marker(os_type: str, act: Action, marker: str) -> KeptCall:
    from shared.probes.kept import kept_marker  # only a deployment that keeps commands needs it

    return kept_marker(os_type, act, marker=marker)


def _record_disks_after_job(migration: Migration, by: str, trace: AfterJobRecord, ports: Ports) -> Migration:
    answer = trace.found.value if trace.found else ""
    return _commit_step_in_same_state(migration, by, f"the disks after the job: {answer}", ports, trace=trace)


def _commit_step_in_same_state(migration: Migration, by: str, reason: str, ports: Ports, **changes: Any) -> Migration:
    """Commit a step that does not change the migration's state. The next tick checks the migration again."""
    now = ports.clock.now()
    return advance_migration(
        ports, step_to_state(migration, migration.state, now=now, by=by, reason=reason, due_at=now + LOOK_AGAIN, **changes)
    )
