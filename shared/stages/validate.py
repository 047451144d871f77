"""The validate stage: compares the guest with its baseline from before the hop, then begins the next hop or finishes the
migration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.domain import events
from shared.domain.after_job import AfterJobRecord, JobEnd, remedy_after_job, smc_rollback_sentences
from shared.domain.drivers import driver_traits
from shared.domain.effects import CleanUpDriver, CountOutcome, Effect, ReleaseSlot, effects_to_restore_protection
from shared.domain.errors import Permanent, Refused
from shared.domain.findings import Assessment, sorted_assessment
from shared.domain.guest import GuestFacts
from shared.domain.message import Message, Outcome
from shared.domain.migration import DriverData, Migration, State, step_to_state
from shared.domain.observation import Observation, validation_document_name
from shared.domain.timing import LOOK_AGAIN, LOOK_LIMIT, LOST, PROBE_LIMIT, VALIDATION_PATIENCE, VALIDATION_PAUSE, duration_in_words
from shared.domain.validation import compare_after_hop, why_not_comparable_yet
from shared.ports.ports import Ports
from shared.probes import ProbeUnreadable, finding_for_unreadable_answer
from shared.stages import commands, marker, probe
from shared.stages.advance import GuestDiffersFromBaseline, advance_migration, run_stage_or_fail_migration
from shared.stages.observed import baseline_observation

STATES = frozenset({State.VALIDATING})
Documents = Mapping[str, Mapping[str, Any]]
"""Maps the name of each document that a step stores to the document."""


def handle_message(message: Message, ports: Ports) -> Outcome:
    """Send the probe to the guest, or evaluate the probe's answer."""
    return run_stage_or_fail_migration(message, ports, STATES, ("validate", events.VALIDATION_FAILED), _probe_or_judge_guest)


def _probe_or_judge_guest(migration: Migration, ports: Ports) -> Outcome:
    if migration.trace.ended is not None:
        return _fail_after_drill(migration, migration.trace.ended, ports)
    if not migration.probe_invocation_id:
        return _send_probe(migration, ports)
    found = probe.fetch_probe_answer(migration, ports)
    if found is None and ports.clock.now() - migration.entered_at < VALIDATION_PATIENCE + PROBE_LIMIT:
        return Outcome("waiting", {"state": "validating"})
    if isinstance(found, GuestFacts):
        return _judge_guest(migration, found, ports)
    unreadable = found or ProbeUnreadable("Probe.TimedOut", f"no answer within {duration_in_words(PROBE_LIMIT)}")
    return _probe_again_or_fail(migration, sorted_assessment([finding_for_unreadable_answer(unreadable)], {}), ports)


def _send_probe(migration: Migration, ports: Ports) -> Outcome:
    now = ports.clock.now()
    summary = ports.batches.load_summary(migration.batch_id)
    try:
        invocation_id = probe.send_probe(migration, ports, "validate", summary)
    except Refused:
        if now - migration.entered_at > VALIDATION_PATIENCE:
            raise
        ports.migrations.change_due_time(migration, now + LOOK_AGAIN)
        return Outcome("waiting", {"state": "validating", "reason": "the guest accepts no command yet"})
    asked = step_to_state(
        migration,
        State.VALIDATING,
        now=now,
        by="validate",
        reason="probe sent",
        probe_invocation_id=invocation_id,
        probe_count=migration.probe_count + 1,
        due_at=now + LOOK_AGAIN,
    )
    advance_migration(ports, asked)
    return Outcome("waiting", {"state": "validating"})


def _judge_guest(migration: Migration, guest: GuestFacts, ports: Ports) -> Outcome:
    still = why_not_comparable_yet(guest, migration.current_hop, migration.os_type, catalog=ports.catalog)
    if still and ports.clock.now() - migration.entered_at <= VALIDATION_PATIENCE:
        # a service that is missing now may still be starting, so the guest is not judged yet
        return _schedule_next_probe(migration, ports, still)
    instance_before, before = baseline_observation(migration, ports).facts_of_instance_and_guest()
    instance = ports.compute.instance_facts(migration.region_id, migration.instance_id)
    result = compare_after_hop(instance_before, before, instance, guest, migration.current_hop, catalog=ports.catalog)
    if result.is_blocked:
        unmoved = (
            driver_traits(migration.driver).copies_disks
            and bool(before.os_id)
            and (before.os_id, before.os_version) == (guest.os_id, guest.os_version)
        )
        system = f"{guest.os_name or guest.os_id} {guest.os_version or ''}".strip()
        return _probe_again_or_fail(migration, result, ports, unmoved=system if unmoved else "")
    documents = {validation_document_name(migration.hop): Observation(instance, guest, result).to_json()}
    if not migration.is_last_hop:
        return _begin_next_hop(migration, documents, ports)
    restored = commands.run_post_command_after_validation(migration, ports)
    if restored is None:
        return Outcome("waiting", {"state": "validating", "reason": "the post command runs"})
    return _finish_migration(restored, result, documents, ports)


def _probe_again_or_fail(migration: Migration, result: Assessment, ports: Ports, *, unmoved: str = "") -> Outcome:
    """Probe the guest again later, or fail the migration once the guest's services have had enough time to start.

    The argument ``unmoved`` names the old system if the guest still runs the old system after the job has finished.
    """
    now = ports.clock.now()
    worst = (result.blocking_findings or result.findings)[0]
    if now - migration.entered_at > VALIDATION_PATIENCE:
        seen = Observation(assessment=result).to_json()
        ports.migrations.put_document(migration.migration_id, validation_document_name(migration.hop), seen)
        if unmoved:
            return _write_drill_step(migration, unmoved, ports)
        raise GuestDiffersFromBaseline(worst.code, f"{worst.title}: {worst.seen}", worst.remedy)
    return _schedule_next_probe(migration, ports, worst.code, result)


def _write_drill_step(migration: Migration, system: str, ports: Ports) -> Outcome:
    """Record that the job was a drill.

    A drill's job also ends as finished, but afterwards SMC restores every disk from its own copies.
    """
    now = ports.clock.now()
    end = JobEnd(
        "Job.RolledBack",
        f"Job {migration.handle.job_id} is finished, but the guest runs {system} as before: it was a drill or changed nothing.",
        "Retry with a migration, not a drill; or roll back to the snapshots; or confirm the instance as it is.",
        now,
        copied=True,
        is_drill=True,
    )
    reason = "the old system runs; the guest is asked what SMC did"
    trace = replace(migration.trace, ended=end)
    taken = step_to_state(
        migration, State.VALIDATING, now=now, by="validate", reason=reason, probe_invocation_id="", trace=trace, due_at=now
    )
    return _fail_after_drill(advance_migration(ports, taken), end, ports)


def _fail_after_drill(migration: Migration, end: JobEnd, ports: Ports) -> Outcome:
    """Look for the marker in the guest, and then fail the migration. The failure's message says what SMC did to the disks."""
    if migration.trace.found is None:
        migration = marker.ask_guest_for_marker(migration, "validate", end.at + LOOK_LIMIT, ports)
    if migration.trace.found is None:
        return Outcome("waiting", {"state": "validating", "reason": "the guest is asked what SMC did"})
    raise Permanent(
        end.code, f"{end.message} {smc_rollback_sentences(migration.trace)}", remedy_after_job(migration.trace, end.remedy)
    )


def _schedule_next_probe(migration: Migration, ports: Ports, why: str, found: Assessment | None = None) -> Outcome:
    """Schedule another probe of the guest in a few minutes."""
    now = ports.clock.now()
    reason = f"not yet: {why}"[:500]
    again = step_to_state(
        migration,
        State.VALIDATING,
        now=now,
        by="validate",
        reason=reason,
        assessment=found or migration.assessment,
        probe_invocation_id="",
        due_at=now + VALIDATION_PAUSE,
    )
    advance_migration(ports, again)
    return Outcome("waiting", {"state": "validating", "reason": reason})


def _finish_migration(migration: Migration, result: Assessment, documents: Documents, ports: Ports) -> Outcome:
    now = ports.clock.now()
    if migration.trace.marker_id:
        marker.remove_marker(migration, ports)
    made = sum(entry.belongs_to_pipeline for entry in ports.ledger.entries_of_migration(migration.migration_id))
    taken = step_to_state(
        migration,
        State.MIGRATED,
        now=now,
        by="validate",
        reason="the guest is as it was, on its new system",
        assessment=result,
        probe_invocation_id="",
        progress=100,
        snapshots_made=made,
        finished_at=now,
    )
    effects: tuple[Effect, ...] = (
        CleanUpDriver(migration.handle, migration.hop),
        ReleaseSlot(),
        *effects_to_restore_protection(migration),
    )
    if ports.batches.load_summary(migration.batch_id).policy.canary:
        # counted before the slot is released: the canary's next migration may start as soon as the slot is free
        effects = (CountOutcome("moved"), *effects)
    told = events.migration_event(taken.after, events.MIGRATION_VALIDATED, findings=len(result.findings))
    advance_migration(ports, replace(taken, effects=effects, events=(told,), documents=documents))
    return Outcome("done", {"state": "migrated"})


def _begin_next_hop(migration: Migration, documents: Documents, ports: Ports) -> Outcome:
    now = ports.clock.now()
    if migration.trace.marker_id:
        marker.remove_marker(migration, ports)
    taken = step_to_state(
        migration,
        State.ACCEPTED,
        now=now,
        by="validate",
        reason=f"{migration.current_hop.destination} reached, next hop",
        hop=migration.hop + 1,
        retried=False,
        resumes="",
        handle=DriverData(),
        trace=AfterJobRecord(),
        probe_invocation_id="",
        disks=(),
        progress=0,
        due_at=now + LOST,
    )
    told = events.migration_event(taken.after, events.HOP_VALIDATED, stage="precheck")
    effects = (CleanUpDriver(migration.handle, migration.hop),)
    advance_migration(ports, replace(taken, effects=effects, events=(told,), documents=documents))
    return Outcome("done", {"state": "accepted", "hop": migration.hop + 1})
