"""The precheck stage: applies every rule to the facts of the cloud and of the guest, before anything is changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.domain import events
from shared.domain.batch import Batch, BatchSummary
from shared.domain.catalog import release_with_name
from shared.domain.catalog.identify import identify_release_in_catalog
from shared.domain.chosen import why_not_selected
from shared.domain.drivers import driver_traits
from shared.domain.effects import CleanUpDriver, CountOutcome, Effect, ReleaseLock, ReleaseSlot, effects_to_restore_protection
from shared.domain.errors import Refused, ReplankError
from shared.domain.facts import Facts, InstanceFacts
from shared.domain.findings import Assessment, Finding, Severity, sorted_assessment
from shared.domain.guest import GuestFacts
from shared.domain.hop import Hop
from shared.domain.message import Message, Outcome
from shared.domain.migration import ACTIVE, Failure, Migration, State, step_to_state
from shared.domain.observation import Observation, baseline_document_name, instance_document_name
from shared.domain.prechecks import assess, cheap_rules
from shared.domain.prechecks.freshness import changed_facts
from shared.domain.route import plan_route
from shared.domain.timing import LOOK_AGAIN, PROBE_LIMIT, duration_in_words
from shared.ports.ports import Ports
from shared.probes import ProbeUnreadable, finding_for_unreadable_answer
from shared.stages import probe
from shared.stages.advance import advance_migration, run_stage_or_fail_migration
from shared.stages.closing import reopen_batch_if_closed
from shared.stages.observed import baseline_observation
from shared.stages.slots import is_lock_kept_for_jobs

EVERY_ATTEMPT = 1_000_000
STATES = frozenset({State.ACCEPTED, State.PRECHECKING})


def handle_message(message: Message, ports: Ports) -> Outcome:
    """Begin the precheck of an accepted migration, or evaluate the guest's answer to the probe."""
    return run_stage_or_fail_migration(message, ports, STATES, ("precheck", events.PRECHECK_FAILED), _begin_or_judge_precheck)


def _begin_or_judge_precheck(migration: Migration, ports: Ports) -> Outcome:
    if migration.state is State.ACCEPTED:
        batch = ports.batches.load(migration.batch_id)
        reopen_batch_if_closed(batch.summary, ports)
        return _begin_precheck(migration, batch, ports)
    summary = ports.batches.load_summary(migration.batch_id)
    reopen_batch_if_closed(summary, ports)
    return _judge_probe_answer(migration, summary, ports)


def _begin_precheck(migration: Migration, batch: Batch, ports: Ports) -> Outcome:
    """Plan the route, lock the instance, apply the rules that need no guest, and send the probe."""
    summary = batch.summary
    if migration.driver in ports.unready:
        return _refuse_instance(migration, _assessment_of_error(ports.unready[migration.driver]), ports)
    try:
        instance = ports.compute.instance_facts(migration.region_id, migration.instance_id, schedule=True)
        migration = _migration_with_route(migration, instance, summary, ports)
        _check_driver_has_settings(migration, instance, ports)
        _check_instance_selected(migration, batch, ports)
        migration = _migration_with_group(migration, instance, summary)
        _check_commands_are_kept(migration, ports)
        _acquire_instance_lock(migration, summary, ports)
    except Refused as error:
        return _refuse_instance(migration, _assessment_of_error(error), ports)
    if summary.dry_run:  # a dry run takes no lock, so this is the only check for another active migration
        instance = replace(instance, active_migration_id=_other_active_migration_id(migration, ports))
    facts = _facts_for_rules(migration, instance, None, summary, ports)
    early = assess(facts, summary.policy.overrides, rules=cheap_rules, catalog=ports.catalog)
    if early.is_blocked:
        return _refuse_instance(migration, early, ports)
    try:
        invocation_id = probe.send_probe(migration, ports, "precheck", summary, dict(instance.tags))
    except Refused as error:
        return _refuse_instance(migration, _assessment_of_error(error), ports)
    now = ports.clock.now()
    taken = step_to_state(
        migration,
        State.PRECHECKING,
        now=now,
        by="precheck",
        reason="probe sent",
        probe_invocation_id=invocation_id,
        probe_count=migration.probe_count + 1,
        check_asked=probe.is_batch_check_allowed(summary),
        due_at=now + LOOK_AGAIN,
    )
    advance_migration(ports, replace(taken, documents={instance_document_name(migration.hop): instance.to_json()}))
    return Outcome("waiting", {"state": "prechecking"})


def _migration_with_route(migration: Migration, instance: InstanceFacts, summary: BatchSummary, ports: Ports) -> Migration:
    """Return the migration with its route, and with its driver if none is chosen yet.

    An earlier choice of route or driver is kept, even if the facts have changed.
    """
    is_open = driver_traits(migration.driver).is_choice
    if migration.hops and not is_open:
        return migration
    source = identify_release_in_catalog(ports.catalog, instance.os_name, instance.os_name_en)
    if source is None:
        name = instance.os_name_en or instance.os_name or "an unnamed system"
        raise Refused(
            "Catalog.ReleaseUnknown", f"The catalog has no release {name!r}.", "Add a row for it, or leave the instance out."
        )
    destination = release_with_name(migration.destination, ports.catalog) if migration.destination else None
    wanted = destination.key if destination else migration.destination or None
    now = ports.clock.now()

    def plan_hops(driver: str) -> tuple[Hop, ...]:
        return plan_route(
            source,
            instance.architecture,
            on=now.date(),
            destination=wanted,
            allow_end_of_life=summary.policy.allow_end_of_life,
            allow_listed=summary.policy.allow_listed,
            driver=driver,
            catalog=ports.catalog,
        ).hops

    if not is_open:
        return replace(migration, hops=plan_hops(migration.driver))
    from shared.domain.driver_choice import choose_driver  # only batches that leave the choice to auto need it

    chosen = choose_driver(
        plan_hops,
        lambda name, hops: _why_driver_unready(name, hops, instance, ports),
        goal=wanted or ports.catalog.defaults.get(source.key, ""),
    )
    return replace(migration, hops=chosen.hops, driver=chosen.driver, driver_why=chosen.why)


def _why_driver_unready(name: str, hops: tuple[Hop, ...], instance: InstanceFacts, ports: Ports) -> str:
    """Return, in words, why the driver cannot move this instance along these hops now; empty if nothing prevents the move."""
    from shared.domain.driver_choice import why_instance_unrecognisable

    if driver_traits(name).needs_identity and (lacks := why_instance_unrecognisable(instance)):
        return lacks
    ahead = tuple(hop.destination for hop in hops)
    error = ports.unready.get(name) or ports.unready_on_path(name, instance.os_type, ahead, instance.region_id)
    return error.message if error else ""


def _check_driver_has_settings(migration: Migration, instance: InstanceFacts, ports: Ports) -> None:
    """Refuse an instance if its driver lacks a setting for the instance's system or for a remaining hop. Without the refusal,
    snapshots would be made for a job that cannot start. Raises Refused (Driver.SettingMissing).
    """
    ahead = tuple(hop.destination for hop in migration.hops[migration.hop :])
    error = ports.unready_on_path(migration.driver, instance.os_type, ahead, instance.region_id)
    if error is not None:
        raise Refused(error.code, error.message, error.remedy)


def _check_commands_are_kept(migration: Migration, ports: Ports) -> None:
    """Refuse an instance if its account lacks a kept command that the migration will need. Raises Refused (Command.NotKept)."""

    def needed() -> tuple[str, ...]:
        from shared.probes.kept import needed_commands  # only a deployment that keeps commands needs it

        ahead = migration.hops[migration.hop :] if driver_traits(migration.driver).installs_in_guest else ()
        return needed_commands(migration.os_type, ahead, ports.catalog)

    missing = ports.guest.commands_not_kept(migration.region_id, needed)
    if missing:
        # rarely needed: this import would slow down every start of the function
        from shared.domain.missing_command import missing_command_refusal

        raise missing_command_refusal(migration.account_id or ports.account_id, migration.region_id, missing)


def _migration_with_group(migration: Migration, instance: InstanceFacts, summary: BatchSummary) -> Migration:
    """Return the migration with its redundancy group.

    A group that is already known is kept, even if the instance's tag has changed.
    """
    if summary.policy.group is None or migration.group:
        return migration
    from shared.domain.group import group_name  # only batches with groups need it

    return replace(migration, group=group_name(instance.tags, summary.policy.group.tag))


def _assessment_with_group_warning(migration: Migration, summary: BatchSummary, result: Assessment) -> Assessment:
    """Return the assessment, with a warning if the batch has redundancy groups and the instance lacks the tag."""
    if summary.policy.group is None or migration.group:
        return result
    from shared.domain.group import missing_tag_finding  # only batches with groups need it

    return sorted_assessment([*result.findings, missing_tag_finding(summary.policy.group.tag)], summary.policy.overrides)


def _check_instance_selected(migration: Migration, batch: Batch, ports: Ports) -> None:
    """Refuse an instance that the batch does not select, because such an instance must not be probed."""
    why = why_not_selected(batch, migration, ports.catalog)
    if why:
        remedy = "To move the instance, submit a batch that names it."
        raise Refused("Batch.NotSelected", f"Batch {batch.batch_id} does not select {migration.instance_id}: {why}.", remedy)


def _acquire_instance_lock(migration: Migration, summary: BatchSummary, ports: Ports) -> None:
    if summary.dry_run:
        return
    where, account = (migration.region_id, migration.instance_id), migration.account_id
    holder = ports.admission.acquire_instance_lock(*where, migration.migration_id, migration.attempt, account=account)
    ended = _last_attempt_without_lock(holder, ports) if holder != migration.migration_id else 0
    if ended:
        # A late duplicate message may have locked the instance for a migration that has ended. Such a lock is deleted.
        ports.admission.release_instance_lock(*where, holder, ended, account=account)
        holder = ports.admission.acquire_instance_lock(*where, migration.migration_id, migration.attempt, account=account)
    if holder != migration.migration_id:
        raise Refused(
            "Instance.AlreadyMigrating",
            f"Migration {holder} has locked the instance.",
            f"Wait until that migration ends, or cancel it while it waits: replank cancel {holder}.",
        )


def _other_active_migration_id(migration: Migration, ports: Ports) -> str:
    """Return the id of the active migration that holds the instance's lock. Return an empty string if the holder is not active."""
    holder = ports.admission.instance_lock_holder(migration.region_id, migration.instance_id, account=migration.account_id)
    return "" if not holder or _last_attempt_without_lock(holder, ports) else holder


def _last_attempt_without_lock(migration_id: str, ports: Ports) -> int:
    """Return the number of the last attempt that no longer needs its lock; 0 while the migration still needs its lock."""
    try:
        found = ports.migrations.load(migration_id)
    except Refused:
        return EVERY_ATTEMPT  # the migration's row does not exist
    return 0 if found.state in ACTIVE or is_lock_kept_for_jobs(found, ports) else found.attempt


def _judge_probe_answer(migration: Migration, summary: BatchSummary, ports: Ports) -> Outcome:
    """Read the guest's answer, apply every rule to the facts, and pass or refuse the instance."""
    found = probe.fetch_probe_answer(migration, ports)
    now = ports.clock.now()
    if found is None:
        if now - migration.entered_at < PROBE_LIMIT:
            return Outcome("waiting", {"state": "prechecking"})
        found = ProbeUnreadable("Probe.TimedOut", f"no answer within {duration_in_words(PROBE_LIMIT)}")
    if isinstance(found, ProbeUnreadable):
        return _refuse_instance(migration, sorted_assessment([finding_for_unreadable_answer(found)], {}), ports)
    instance = _stored_instance_facts(migration, ports)
    facts = _facts_for_rules(migration, instance, found, summary, ports)
    result = assess(facts, summary.policy.overrides, catalog=ports.catalog)
    result = _assessment_with_group_warning(migration, summary, result)
    if result.is_blocked:
        return _refuse_instance(migration, result, ports)
    return _pass_precheck(migration, summary, result, instance, found, ports)


def _facts_for_rules(
    migration: Migration, instance: InstanceFacts, guest: GuestFacts | None, summary: BatchSummary, ports: Ports
) -> Facts:
    """Return the facts that the rules need. One fact comes from the policy: whether Alibaba Cloud has allow-listed the account."""
    account = ports.compute.account_facts(migration.region_id)
    if summary.policy.allow_listed or not driver_traits(migration.driver).needs_listing:
        account = replace(account, allow_listed=True)
    return Facts(instance, guest, migration.current_hop, ports.clock.now(), account)


def _stored_instance_facts(migration: Migration, ports: Ports) -> InstanceFacts:
    document = ports.migrations.stored_document(migration.migration_id, instance_document_name(migration.hop))
    return InstanceFacts.from_json(document)


def _pass_precheck(
    migration: Migration, summary: BatchSummary, result: Assessment, instance: InstanceFacts, guest: GuestFacts, ports: Ports
) -> Outcome:
    now = ports.clock.now()
    reason = _reason_for_journal(migration, guest, ports)
    documents = {baseline_document_name(migration.hop): Observation(instance, guest, result).to_json()}
    # A dry run also ends in the state ready. Without a due time, nothing continues the migration.
    end: dict[str, Any] = {"finished_at": now} if summary.dry_run else {"due_at": now}
    taken = step_to_state(
        migration,
        State.CANCELLED if summary.dry_run else State.READY,
        now=now,
        by="precheck",
        reason=f"{reason}; the dry run is over" if summary.dry_run else reason,
        assessment=result,
        prechecked_at=now,
        prechecked_version=migration.version + 1,
        probe_invocation_id="",
        disks=tuple(disk.disk_id for disk in instance.user_disks),
        **end,
    )
    passed = events.migration_event(taken.after, events.PRECHECK_PASSED, stage="snapshot")
    if summary.dry_run:
        passed.data.pop("stage")
    passed_on = advance_migration(ports, replace(taken, events=(passed,), documents=documents))
    return Outcome("done", {"state": passed_on.state.value, "findings": len(result.findings)})


def _reason_for_journal(migration: Migration, guest: GuestFacts, ports: Ports) -> str:
    """Return the reason that the journal gives for a passed precheck.

    For a repeated precheck, the reason lists what has changed in the guest since the last precheck.
    """
    former = baseline_observation(migration, ports).guest if migration.prechecked_at else None
    if former is None:
        return "every rule passed"
    names = changed_facts(former, guest)
    return f"every rule passed again; changed since: {', '.join(names) or 'nothing'}"[:500]


def _refuse_instance(migration: Migration, result: Assessment, ports: Ports) -> Outcome:
    """End the precheck with a refusal.

    After the first hop, a refused migration fails, because its instance has already been changed.
    """
    worst = result.blocking_findings[0] if result.blocking_findings else result.findings[0]
    failure = Failure("precheck", worst.code, f"{worst.title}: {worst.seen}" if worst.seen else worst.title, worst.remedy)
    now = ports.clock.now()
    to = State.FAILED if migration.hop else State.PRECHECK_FAILED
    taken = step_to_state(
        migration,
        to,
        now=now,
        by="precheck",
        reason=worst.code,
        assessment=result,
        failure=failure,
        probe_invocation_id="",
        finished_at=now,
    )
    told = events.migration_event(
        taken.after,
        events.PRECHECK_FAILED,
        code=worst.code,
        reason=failure.message,
        findings=[f.to_json() for f in result.blocking_findings[:20]],
    )
    effects: tuple[Effect, ...] = (ReleaseLock(migration.region_id, migration.instance_id),)
    if to is State.FAILED:
        effects = (CountOutcome("failed"), ReleaseSlot())
    elif migration.prechecked_at is not None or migration.attempt > 1:
        # An earlier attempt may have held a slot, and may have left a source server or a job in SMC.
        clean_up = CleanUpDriver(migration.handle, migration.hop)
        effects = (ReleaseSlot(), clean_up, *effects_to_restore_protection(migration), *effects)
    if to is State.PRECHECK_FAILED and migration.prechecked_version:
        # The instance had passed its precheck, and is refused right before its snapshots. Something has changed since, so this
        # counts as a failure.
        effects = (CountOutcome("failed"), *effects)
    advance_migration(ports, replace(taken, effects=effects, events=(told,)))
    return Outcome("done", {"state": to.value, "code": worst.code})


def _assessment_of_error(error: ReplankError) -> Assessment:
    """Return an assessment with one finding: the error that stopped the precheck."""
    finding = Finding(error.code, Severity.ERROR, error.message, "", "Without this, the precheck cannot continue.", error.remedy)
    return sorted_assessment([finding], {})
