"""More deliberate bugs: patches of the product for the table of mutants. If a patched function is renamed, the patch raises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

from cli import targets
from shared.adapters.compute import EcsCompute
from shared.domain import acts, approvals, batch, brake, notice, restore, seen, waves
from shared.domain.after_job import DisksAfterJob
from shared.domain.batch import BatchState, BatchSummary
from shared.domain.caller import Caller
from shared.domain.effects import CountOutcome, RunPostCommand
from shared.domain.errors import Permanent
from shared.domain.findings import sorted_assessment
from shared.domain.ledger import LedgerEntry, SnapshotState
from shared.domain.migration import Migration, State
from shared.ports.compute import FoundInstance
from shared.stages import (
    adopt,
    advance,
    commands,
    confirming,
    effects,
    guard,
    intake,
    marker,
    migrate,
    precheck,
    probe,
    snapshot,
    unasked,
    validate,
    watch,
    waving,
)
from shared.stages.api import act, approving, hold, migrations

Patch = Any


def more_forgiven() -> list[Patch]:
    """A resume resets the count of all failures so far, not only of those that the person saw."""
    resume = brake.resume_batch

    def whatever(batch: Any, caller: Any, why: str, now: Any, failed: Any, seen: int) -> Any:
        return resume(batch, caller, why, now, failed, len(failed))

    return [mock.patch.object(brake, "resume_batch", whatever)]


def waves_overlap() -> list[Patch]:
    """The next wave does not wait for the end of the wave before."""
    advance = waving.end_wave_or_begin_next
    return [
        mock.patch.object(waving, "unfinished_migration_ids_in_begun_waves", return_value=[]),
        mock.patch.object(waving, "end_wave_or_begin_next", lambda summary, unsettled, ports: advance(summary, (), ports)),
    ]


def share_ignored() -> list[Patch]:
    """The failure budget is the absolute count, even if the policy sets a percentage."""
    return [mock.patch.object(BatchSummary, "failure_budget", property(lambda self: self.policy.failure_budget))]


def late_refusal_uncounted() -> list[Patch]:
    """A migration refused right before its snapshots does not count as failed."""
    count = effects._PERFORMERS[CountOutcome]

    def failures_only(effect: CountOutcome, migration: Migration, ports: Any) -> None:
        if migration.state is not State.PRECHECK_FAILED:
            count(effect, migration, ports)

    return [mock.patch.dict(effects._PERFORMERS, {CountOutcome: failures_only})]


def approvals_for_ever() -> list[Patch]:
    """An approval never expires."""
    asked = approvals.approval_status

    def early(summary: Any, about: str, now: Any, given: Any = None) -> Any:
        return asked(summary, about, summary.created_at, given)

    return [mock.patch.object(approvals, "approval_status", early)]


def waves_unapproved() -> list[Patch]:
    """A wave begins after its soak even without approval."""
    return [mock.patch.object(waves, "may_next_wave_begin", lambda summary, now: waves.soak_ends_at(summary) <= now)]


def no_soak() -> list[Patch]:
    """The next wave begins as soon as the one before has ended."""
    return [mock.patch.object(waves, "soak_ends_at", lambda summary: summary.control.wave_ended_at)]


def old_snapshots_used() -> list[Patch]:
    """A retry uses the finished snapshots of the failed attempt."""
    asked = snapshot._request_snapshot

    def reused(migration: Migration, disk_id: str, noted: Any, ports: Any) -> LedgerEntry:
        made = ports.ledger.entries_of_migration(migration.migration_id)
        same = [each for each in made if (each.disk_id, each.hop, each.owner) == (disk_id, migration.hop, "replank")]
        old = [each for each in same if each.state is SnapshotState.ACCOMPLISHED]
        return old[0] if old and migration.attempt > 1 else asked(migration, disk_id, noted, ports)

    return [mock.patch.object(snapshot, "_request_snapshot", reused), mock.patch.object(migrate, "_require_conditions_for_move")]


def one_disk_snapshotted() -> list[Patch]:
    """Only the first disk of an instance gets a snapshot."""
    drive = snapshot._request_and_check_snapshots

    def first_only(migration: Migration, ports: Any, *, begun: bool) -> Any:
        return drive(replace(migration, disks=migration.disks[:1]), ports, begun=begun)

    return [
        mock.patch.object(snapshot, "_request_and_check_snapshots", first_only),
        mock.patch.object(migrate, "_require_conditions_for_move"),
    ]


def no_text() -> list[Patch]:
    """An acknowledgement does not store the text that was acknowledged."""
    known = batch.risks_for_policy
    return [mock.patch.object(acts, "risks_for_policy", lambda policy: (known(policy)[0], ()))]


def never_sent_again() -> list[Patch]:
    """If a crash leaves an effect in an outbox, nothing sends it again."""
    return [mock.patch.object(watch, "settle_outboxes", return_value=True)]


def one_more() -> list[Patch]:
    """Intake takes one instance more than the batch selects."""
    create = intake._create_migrations

    def more(instances: list[FoundInstance], batch: Any, ports: Any) -> None:
        there = ports.compute.instance_page(batch.selection.regions[0], token="").instances
        named = {each.instance_id for each in instances}
        create([*instances, *[each for each in there if each.instance_id not in named][:1]], batch, ports)

    return [mock.patch.object(intake, "_create_migrations", more), mock.patch.object(precheck, "why_not_selected", return_value="")]


def freeze_ignored() -> list[Patch]:
    """A batch can be acknowledged while its instances are still being found, and instances found later move as well."""
    acknowledge = acts.acknowledge_batch

    def too_early(batch: Any, *arguments: Any) -> Any:
        return replace(acknowledge(replace(batch, state=BatchState.OPEN), *arguments), state=batch.state)

    unchecked = [mock.patch.object(place, "require_acknowledgement") for place in (snapshot, migrate)]
    return [mock.patch.object(acts, "acknowledge_batch", too_early), *unchecked]


def denial_ignored() -> list[Patch]:
    """If the role may not reset a disk, the product treats the disk as reset."""
    reset = EcsCompute.reset_disk

    def tolerant(self: EcsCompute, *arguments: Any) -> None:
        try:
            reset(self, *arguments)
        except Permanent as error:
            if not error.code.startswith(("Forbidden", "NoPermission")):
                raise

    return [mock.patch.object(EcsCompute, "reset_disk", tolerant)]


def whatever_was_seen() -> list[Patch]:
    """An act is applied even if the migration has changed since the person looked at it."""
    return [mock.patch.object(seen, "is_state_unchanged_since", return_value=True)]


def the_newest_one() -> list[Patch]:
    """An act is applied to the newest migration of the instance, not to the named one."""
    carry_out = act.carry_out_act

    def to_the_newest(ports: Any, migration: Migration, asked: act.RequestedAct) -> None:
        found = ports.migrations.migrations_of_instance(migration.instance_id, limit=20)
        newest = max(found, key=lambda each: each.created_at)
        carry_out(ports, newest, replace(asked, seen=newest.version))

    return [mock.patch.object(migrations, "carry_out_act", to_the_newest)]


def the_name_is_enough() -> list[Patch]:
    """A snapshot with a name like those of SMC's copies is treated as SMC's copy."""
    return [mock.patch.object(adopt, "why_not_adopted", return_value="")]


def confirmed_by_itself() -> list[Patch]:
    """After the days of clean validation the tick confirms the migration instead of reminding a person."""

    def confirm_all(batch: Any, now: Any, ports: Any) -> bool:
        page = ports.migrations.migration_page_of_batch(batch.batch_id, state=State.MIGRATED, limit=100, token="")
        for each in page.migrations:
            advance.advance_migration(ports, acts.confirm_migration(each, "watch", now, retention_days=batch.policy.retention_days))
        return bool(page.migrations)

    return [mock.patch.object(confirming, "_send_reminder_if_due", confirm_all)]


def rolled_back_unasked() -> list[Patch]:
    """A failed validation leads to a rollback, even if the policy or the acknowledgement does not allow one."""
    given_up = advance.fail_migration

    def give_up(ports: Any, migration: Migration, stage: str, *others: Any, **more: Any) -> Any:
        outcome = given_up(ports, migration, stage, *others, **more)
        row = ports.migrations.load(migration.migration_id)
        given = ports.batches.load(row.batch_id).acknowledgement
        if stage == "validate" and given is not None:
            advance.advance_migration(ports, acts.begin_automatic_rollback(row, given, ports.clock.now()))
        return outcome

    return [mock.patch.object(advance, "fail_migration", give_up)]


def unasked_despite_hold() -> list[Patch]:
    """An automatic rollback ignores the hold and the required approvals."""
    return [mock.patch.object(unasked, "why_automatic_rollback_waits", return_value="")]


def never_said() -> list[Patch]:
    """The acknowledged text does not mention automatic rollbacks, and the rollback does not check the text."""

    def short(policy: Any) -> Any:
        return (f"{batch.RISKS_VERSION}-rollback" if policy.automatic_rollback else batch.RISKS_VERSION, batch.RISKS)

    return [
        mock.patch.object(acts, "risks_for_policy", short),
        mock.patch.object(unasked, "may_roll_back_automatically", return_value=True),
    ]


def rollbacks_unapproved() -> list[Patch]:
    """A rollback begins without the required approvals."""
    return [mock.patch.object(approving, "require_rollback_approvals")]


def stops_overlooked() -> list[Patch]:
    """The guard treats every stop as one of the job's own restarts."""
    what = guard._power_change_by_others

    def blind(migration: Migration, state: str, *others: Any) -> str:
        return "" if state == "Stopped" else what(migration, state, *others)

    return [mock.patch.object(guard, "_power_change_by_others", blind)]


def releases_overlooked() -> list[Patch]:
    """The guard ignores the events of released instances."""
    what = guard._power_change_by_others

    def deaf(migration: Migration, state: str, *others: Any) -> str:
        return "" if state == "Deleted" else what(migration, state, *others)

    return [mock.patch.object(guard, "_power_change_by_others", deaf)]


def checked_unasked() -> list[Patch]:
    """The batch's own check runs in its guests before anybody has acknowledged the batch."""
    return [mock.patch.object(probe, "is_batch_check_allowed", return_value=True)]


def not_drained() -> list[Patch]:
    """The snapshots begin without the batch's pre command."""
    return [mock.patch.object(commands, "changes_to_begin_pre_command", return_value={})]


def left_drained() -> list[Patch]:
    """A migration that ends without a move, or a rollback, does not schedule the batch's post command."""
    return [mock.patch.dict(effects._PERFORMERS, {RunPostCommand: lambda effect, migration, ports: None})]


def not_restored() -> list[Patch]:
    """The validation ends without the batch's post command."""
    return [mock.patch.object(commands, "run_post_command_after_validation", lambda migration, ports: migration)]


def notices_say_more() -> list[Patch]:
    """A notice may contain actions, not only the affected instances."""
    return [mock.patch.object(notice, "NOTICE_FIELDS", notice.NOTICE_FIELDS | {"policy", "check"})]


def notices_of_anybody() -> list[Patch]:
    """Anyone who can publish on the bus can create a batch with a notice."""
    return [mock.patch.object(intake, "_refuse_unknown_notice_source")]


def the_newest_of_the_instance() -> list[Patch]:
    """A request that names an instance gets its newest migration, even a dry run."""
    return [mock.patch.object(targets, "migration_to_act_on", lambda api, given, act: targets.migration_to_show(api, given))]


def any_hold_released() -> list[Patch]:
    """A release ends any hold, not only the one that the person saw."""
    release = hold.release_hold

    def blind(ports: Any, operator: Caller, why: str, version: int) -> Any:
        return release(ports, operator, why, ports.admission.current_hold().version)

    return [mock.patch.object(hold, "release_hold", blind)]


def all_called_restored() -> list[Patch]:
    """A failed rollback reports every disk as restored."""
    return [mock.patch.object(restore, "disk_state_in_words", return_value="restored")]


def never_put_back() -> list[Patch]:
    """Whatever the guest answers, the row says that SMC did not change the disks."""
    return [mock.patch.object(marker, "disks_after_job", return_value=DisksAfterJob.KEPT)]


def always_put_back() -> list[Patch]:
    """For every job that moved nothing, the row says that SMC put the disks back."""
    return [mock.patch.object(marker, "disks_after_job", return_value=DisksAfterJob.ROLLED_BACK)]


def drill_believed() -> list[Patch]:
    """A job that ended without an error is assumed to have replaced the operating system, even a drill."""
    return [mock.patch.object(validate, "compare_after_hop", return_value=sorted_assessment([], {}))]
