"""Deliberate bugs, patched in for a test: a checker that cannot find its bug is no checker.

``python -m tests.simulation.mutants --from SEED`` prints how many seeds from there on each one took.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta, timezone
from typing import Any
from unittest import mock

from shared.adapters import tables
from shared.adapters.admission import TablestoreAdmission
from shared.adapters.batches import TablestoreBatches
from shared.adapters.compute import Ecs
from shared.adapters.drivers import console, smc
from shared.adapters.drivers.sources import has_address_of
from shared.adapters.guest import CloudAssistant
from shared.adapters.ledger import TablestoreLedger
from shared.adapters.migrations import TablestoreMigrations
from shared.adapters.store import Store
from shared.domain import limits
from shared.domain.batch import Terms
from shared.domain.effects import CleanUpDriver, CountOutcome, ReleaseLock, ScheduleSweep
from shared.domain.findings import assessment
from shared.domain.ledger import LedgerEntry
from shared.domain.limits import Limit, Start
from shared.domain.message import Message
from shared.domain.migration import Migration, State, Step
from shared.domain.window import Window
from shared.stages import advance, effects, groups, migrate, rollback, slots, snapshot, sweep
from tests.simulation import bugs, bugs_tools, selected, weather
from tests.simulation.invariants import Checker, all_checkers
from tests.simulation.scenario import Scenario, draw
from tests.simulation.simulation import prepared, run_seed

Patch = Any


@dataclass(frozen=True)
class Mutant:
    """``found`` is the invariant whose checker must find it, within ``seeds`` seeds in a row."""

    name: str
    found: int
    patches: Callable[[], list[Patch]]
    seeds: int = 12
    tune: Callable[[Scenario], Scenario] = lambda scenario: scenario
    """Where the bug needs a certain weather: more of one fault, more instances that fail."""


def _no_wait() -> list[Patch]:
    return [
        mock.patch.object(snapshot, "_note_if_finished", return_value=True),
        mock.patch.object(migrate, "_check_safe_to_move"),
    ]


def _no_retention() -> list[Patch]:
    schedule = effects._PERFORMERS[ScheduleSweep]

    def at_once(effect: ScheduleSweep, migration: Migration, ports: Any) -> None:
        schedule(replace(effect, retention_days=0), migration, ports)

    return [mock.patch.dict(effects._PERFORMERS, {ScheduleSweep: at_once})]


def _anybodys() -> list[Patch]:
    swept = sweep._delete_snapshot

    def guessed(entry: LedgerEntry, owner: Migration | None, ports: Any) -> bool:
        found = ports.compute.snapshots_of(entry.region_id, entry.instance_id)
        made = sorted((each.created_at, each.snapshot_id) for each in found if each.disk_id == entry.disk_id)
        return swept(replace(entry, snapshot_id=made[0][1]) if made else entry, owner, ports)

    return [mock.patch.object(sweep, "_delete_snapshot", guessed)]


def _no_lock() -> list[Patch]:
    def granted(self: Any, region_id: str, instance_id: str, migration_id: str, attempt: int, *, account: str) -> str:
        return migration_id

    return [mock.patch.object(TablestoreAdmission, "lock", granted)]


def _address_alone() -> list[Patch]:
    """Whatever was imported at the instance's address is its own: in the weather for this, two instances have one."""
    results = CloudAssistant._results

    def of_both(self: CloudAssistant, region_id: str, instance_id: str) -> Iterator[Any]:
        twins = ("i-test0001", "i-test0002")
        for each in twins if instance_id in twins else (instance_id,):
            yield from results(self, region_id, each)

    return [mock.patch.object(console, "is_source_of", has_address_of), mock.patch.object(CloudAssistant, "_results", of_both)]


def _without(limit: Limit, *starts: Start) -> list[Patch]:
    """These starts (none named: no start at all) are not held by this limit."""
    free = starts or tuple(Start)
    return [mock.patch.dict(limits.HELD_BY, {start: limits.HELD_BY[start] - {limit} for start in free})]


def _no_retry_window() -> list[Patch]:
    return _without(Limit.WINDOW, *RETRIES)


def _no_retry_budget() -> list[Patch]:
    return _without(Limit.BUDGET, *RETRIES)


def _no_retry_canary() -> list[Patch]:
    return _without(Limit.CANARY, *RETRIES)


def _no_hop_window() -> list[Patch]:
    return _without(Limit.WINDOW, *HOPS)


def _no_pause() -> list[Patch]:
    return _without(Limit.PAUSE)


def _no_approval() -> list[Patch]:
    return _without(Limit.APPROVAL)


def _no_hold() -> list[Patch]:
    return _without(Limit.HOLD)


def _hop_waits_for_budget() -> list[Patch]:
    """A route once begun waits for the failures of others."""
    return [mock.patch.dict(limits.HELD_BY, {start: limits.HELD_BY[start] | {Limit.BUDGET} for start in HOPS})]


def _no_acknowledgement() -> list[Patch]:
    """Neither admission nor the look at the frozen selection asks for it."""
    return [*_without(Limit.ACKNOWLEDGEMENT), *(mock.patch.object(place, "check_acknowledged") for place in (snapshot, migrate))]


def _no_tick() -> list[Patch]:
    return [mock.patch.object(TablestoreMigrations, "due", return_value=[])]


def _lock_kept() -> list[Patch]:
    return [mock.patch.dict(effects._PERFORMERS, {ReleaseLock: lambda effect, migration, ports: None})]


def _no_condition() -> list[Patch]:
    update = Store.update

    def blind(self: Store, table: str, key: Any, put: Any, remove: Any = (), **condition: Any) -> bool:
        return update(self, table, key, put, remove)

    return [mock.patch.object(Store, "update", blind)]


def _line_lost() -> list[Patch]:
    columns = tables.step_columns

    def forgetful(taken: Step) -> dict[str, Any]:
        written = columns(taken)
        if taken.after.state is State.RESTARTING:
            del written[tables.numbered(tables.JOURNAL, taken.after.version)]
        return written

    return [mock.patch.object(tables, "step_columns", forgetful)]


def _no_limit() -> list[Patch]:
    def endless(terms: Terms, standing: limits.Standing, *, account_limit: int) -> int:
        return 99

    return [mock.patch.object(limits, "free_slots", endless)]


def _no_budget() -> list[Patch]:
    tally = TablestoreBatches.tally

    def rosy(self: TablestoreBatches, batch_id: str) -> Any:
        return replace(tally(self, batch_id), failed=frozenset())

    return [mock.patch.object(TablestoreBatches, "tally", rosy)]


def _count_lost() -> list[Patch]:
    count = effects._PERFORMERS[CountOutcome]

    def forgetful(effect: CountOutcome, migration: Migration, ports: Any) -> None:
        if effect.outcome != "failed":
            count(effect, migration, ports)

    return [mock.patch.dict(effects._PERFORMERS, {CountOutcome: forgetful})]


def _no_account_limit() -> list[Patch]:
    """Admission counts free slots with another limit than it was given."""
    free = limits.free_slots

    def counted(terms: Terms, standing: limits.Standing, *, account_limit: int) -> int:
        return free(terms, standing, account_limit=99)

    return [mock.patch.object(limits, "free_slots", counted)]


def _no_canary() -> list[Patch]:
    return _without(Limit.CANARY)


def _no_group() -> list[Patch]:
    """No start looks at the group's place, and none takes it."""
    return [*_without(Limit.GROUP), *(mock.patch.object(place, "enter_group", return_value=None) for place in (slots, migrate))]


def _place_is_anybodys() -> list[Patch]:
    """Whoever comes takes the place over, whatever its holder does."""
    return [mock.patch.object(groups, "last_to_leave", lambda migration: migration.attempt)]


def _no_window() -> list[Patch]:
    return [mock.patch.object(Window, "opened", lambda self, now: now)]


def _no_blackout() -> list[Patch]:
    return _without(Limit.BLACKOUT)


def _no_hop_blackout() -> list[Patch]:
    return _without(Limit.BLACKOUT, *HOPS)


def _no_retry_blackout() -> list[Patch]:
    return _without(Limit.BLACKOUT, *RETRIES)


def _zone_forgotten() -> list[Patch]:
    """A window's clock times are taken for UTC."""
    return [mock.patch.object(Window, "_zone", return_value=timezone.utc)]


def _another_token() -> list[Patch]:
    """Every call has a client token of its own."""
    tokens = (f"rp-{number}" for number in itertools.count())
    return [mock.patch.object(Migration, "token", side_effect=tokens)]


def _launched_unseen() -> list[Patch]:
    return [mock.patch.object(smc, "_is_launched", return_value=False)]


def _behind() -> list[Patch]:
    """A message is taken for one of now, whatever the row says by now."""

    def load_current(message: Message, ports: Any, states: frozenset[State]) -> Migration:
        return ports.migrations.load(str(message.data.get("migrationId", "")))  # type: ignore[no-any-return]

    return [mock.patch.object(advance, "load_current", load_current)]


def _unreleased() -> list[Patch]:
    """Every snapshot is given its time to be swept as it is made, and the sweep does not ask whether somebody has released it."""
    put_new = TablestoreLedger.put_new

    def put_due(self: TablestoreLedger, entry: LedgerEntry) -> LedgerEntry:
        return put_new(self, replace(entry, sweep_at=entry.created_at))

    return [mock.patch.object(TablestoreLedger, "put_new", put_due), mock.patch.object(sweep, "may_sweep", return_value=True)]


def _nothing_cleaned() -> list[Patch]:
    return [mock.patch.dict(effects._PERFORMERS, {CleanUpDriver: lambda effect, migration, ports: None})]


def _slot_lost() -> list[Patch]:
    """A slot is given back with every step that leaves a snapshot behind."""
    finish = snapshot._finish

    def finished(migration: Migration, ports: Any) -> Any:
        ports.admission.release_slot(migration.migration_id, migration.batch_id)
        return finish(migration, ports)

    return [mock.patch.object(snapshot, "_finish", finished)]


def _miscounted() -> list[Patch]:
    """A slot is given back, and still counted."""
    update = Store.update

    def added(self: Store, *arguments: Any, **options: Any) -> bool:
        fewer = any(number < 0 for number in (options.get("add") or {}).values())
        return update(self, *arguments, **{**options, "add": None} if fewer else options)

    return [mock.patch.object(Store, "update", added)]


def _import_left() -> list[Patch]:
    return [mock.patch.object(smc, "IMPORT_ENDS", timedelta(0))]


def _false_rollback() -> list[Patch]:
    return [
        mock.patch.object(Ecs, "reset_disk"),
        mock.patch.object(rollback, "compare_restored", return_value=assessment([], {})),
    ]


RETRIES = (Start.RETRY_SNAPSHOT, Start.RETRY_JOB, Start.RETRY_LOOK)
HOPS = (Start.HOP_SNAPSHOT, Start.HOP_JOB)

MUTANTS = (
    Mutant("the migrate stage does not wait for the snapshots", 1, _no_wait),
    Mutant("only the first disk is snapshotted", 1, bugs.one_disk_snapshotted, tune=weather.two_disks),
    Mutant("a retry uses the old snapshots", 1, bugs.old_snapshots_used, tune=weather.failing_snapshots),
    Mutant("the sweep forgets the retention", 2, _no_retention),
    Mutant("the sweep takes the oldest snapshot of the disk for ours", 2, _anybodys, tune=weather.kept),
    Mutant("the sweep waits for no person", 2, _unreleased),
    Mutant("nobody locks the instance", 3, _no_lock),
    Mutant("a source is known by its address alone", 3, _address_alone, tune=weather.twins),
    Mutant("admission does not ask for the acknowledgement", 4, _no_acknowledgement),
    Mutant("the acknowledgement keeps no text", 4, bugs.no_text),
    Mutant("an outbox is never sent again", 5, bugs.never_sent_again, tune=weather.crashing),
    Mutant("the tick finds nothing due", 5, _no_tick),
    Mutant("locks are kept for ever", 5, _lock_kept),
    Mutant("the clean-up removes nothing", 5, _nothing_cleaned),
    Mutant("a next hop waits for the failure budget", 5, _hop_waits_for_budget, tune=weather.two_hops_beside_failures),
    Mutant("the clean-up waits for no import", 5, _import_left, tune=weather.slow_guests),
    Mutant("steps are written without their condition", 6, _no_condition, tune=weather.crowded),
    Mutant("one step writes no line in the journal", 6, _line_lost),
    Mutant("the wave has no size", 7, _no_limit),
    Mutant("failures are not counted", 7, _no_budget, tune=weather.failing),
    Mutant("the share of failures that the policy gives is ignored", 7, bugs.share_ignored, tune=weather.failing_in_percent),
    Mutant("a late refusal does not count as failed", 7, bugs.late_refusal_uncounted, tune=weather.refused_late),
    Mutant("counting a failure does nothing", 7, _count_lost, tune=weather.failing),
    Mutant("a slot is given back with the snapshots", 7, _slot_lost),
    Mutant("a slot given back is still counted", 7, _miscounted),
    Mutant("the maintenance window is ignored", 7, _no_window, tune=weather.later),
    Mutant("the zone of a window is ignored", 7, _zone_forgotten, tune=weather.tomorrow_in_london),
    Mutant("the canary is ignored", 7, _no_canary, tune=weather.canary),
    Mutant("redundancy groups are ignored", 7, _no_group, tune=weather.grouped),
    Mutant("the place of a group is anybody's", 7, _place_is_anybodys, tune=weather.grouped),
    Mutant("the account's limit is ignored", 7, _no_account_limit, tune=weather.narrow),
    Mutant("intake takes one instance more", 9, bugs.one_more),
    Mutant("an exclusion by tag is ignored", 9, selected.exclusion_ignored, tune=selected.tagged),
    Mutant("an exclusion by id is ignored", 9, selected.exclusion_ignored, tune=selected.named),
    Mutant("the tags of a selection are ignored", 9, selected.tags_ignored, tune=selected.tagged),
    Mutant("the names of a selection are ignored", 9, selected.names_ignored, tune=selected.named),
    Mutant("what is found after the acknowledgement moves as well", 9, bugs.freeze_ignored, tune=weather.planning),
    Mutant("a rollback resets only the system disk", 10, bugs.only_the_system_disk, tune=weather.going_back),
    Mutant("a rollback resets only one disk", 10, bugs.only_one_disk, tune=weather.going_back),
    Mutant("a rollback skips the guest's proof", 10, bugs.unproved, tune=weather.going_back),
    Mutant("a rollback begins before it has looked at every snapshot", 10, bugs.not_looked_at, tune=weather.losing),
    Mutant("a name like SMC's is enough for a snapshot to be ours", 12, bugs.the_name_is_enough, tune=weather.by_hand),
    Mutant("the sweep waits for no person", 12, _unreleased),
    Mutant("the sweep takes the oldest snapshot of the disk for ours", 12, _anybodys, tune=weather.kept),
    Mutant("what is ready to confirm confirms itself", 12, bugs.confirmed_by_itself, tune=weather.forgotten),
    Mutant("an act applies whatever the person saw", 13, bugs.whatever_was_seen, tune=weather.busy),
    Mutant("an act applies to the newest migration, whichever was named", 13, bugs.the_newest_one, tune=weather.busy),
    Mutant("a notice may say what is done", 13, bugs.notices_say_more, tune=weather.busy),
    Mutant("a notice from anybody is taken", 13, bugs.notices_of_anybody, tune=weather.busy),
    Mutant("who names an instance gets its newest migration", 13, bugs.the_newest_of_the_instance, tune=weather.overlapping),
    Mutant("a release undoes whatever hold stands", 13, bugs.any_hold_released, tune=weather.held_often),
    Mutant("a failed validation is rolled back, though nobody has allowed it", 13, bugs.rolled_back_unasked, tune=weather.old_only),
    Mutant("the acknowledged text does not say that a rollback comes unasked", 13, bugs.never_said, tune=weather.unasked),
    Mutant("a rollback that comes unasked ignores the hold", 13, bugs.unasked_despite_hold, tune=weather.unasked_held),
    Mutant("a rollback waits for no approval", 13, bugs.rollbacks_unapproved, tune=weather.rollbacks_approved),
    Mutant("the batch's check runs before its acknowledgement", 13, bugs.checked_unasked, tune=weather.checked),
    Mutant("the pre command is left out", 13, bugs.not_drained, tune=weather.commanded),
    Mutant("nothing undoes the pre command of a migration that does not move", 13, bugs.left_drained, tune=weather.commanded),
    Mutant("the post command is left out after the validation", 13, bugs.not_restored, tune=weather.commanded),
    Mutant("a rollback resets nothing and says it did", 10, _false_rollback),
    Mutant("a rollback neither stops the job nor looks at it", 10, bugs.job_left, tune=weather.failing_in_the_console),
    Mutant("a reset that was denied is taken for one that was made", 10, bugs.denial_ignored, tune=weather.denied),
    Mutant("a failed rollback calls every disk restored", 10, bugs.all_called_restored, tune=weather.denied),
    Mutant("SMC is always said to have left the disks alone", 10, bugs.never_put_back, tune=weather.put_back),
    Mutant("SMC is always said to have put the disks back", 10, bugs.always_put_back, tune=weather.failing_soon),
    Mutant("a retry ignores the window", 11, _no_retry_window, tune=weather.retried_in_windows),
    Mutant("a retry ignores the failure budget", 11, _no_retry_budget, tune=weather.retried_beside_failures),
    Mutant("a retry ignores the canary", 11, _no_retry_canary, tune=weather.retried_canary),
    Mutant("a next hop ignores the window", 11, _no_hop_window, tune=weather.two_hops_in_windows),
    Mutant("a blackout is ignored", 11, _no_blackout, tune=weather.black),
    Mutant("a retry ignores a blackout", 11, _no_retry_blackout, tune=weather.retried_in_a_blackout),
    Mutant("a next hop ignores a blackout", 11, _no_hop_blackout, tune=weather.two_hops_in_a_blackout),
    Mutant("the hold is ignored", 11, _no_hold, tune=weather.held_often),
    Mutant("a wave does not wait for the one before", 11, bugs.waves_overlap, tune=weather.in_waves),
    Mutant("a wave does not soak", 11, bugs.no_soak, tune=weather.in_waves),
    Mutant("a start waits for no approval", 11, _no_approval, tune=weather.approved),
    Mutant("an approval never expires", 11, bugs.approvals_for_ever, tune=weather.approved),
    Mutant("a wave waits for no approval", 11, bugs.waves_unapproved, tune=weather.approved_waves),
    Mutant("a pause is ignored", 11, _no_pause, tune=weather.paused_often),
    Mutant("a resume forgives what the person did not see", 13, bugs.more_forgiven, tune=weather.paused_often),
    Mutant("every call has another client token", 8, _another_token, tune=weather.lost_answers),
    Mutant("a job is started again whatever it has done", 8, _launched_unseen, tune=weather.failing_soon),
    Mutant("messages that are behind are taken", 8, _behind),
    Mutant("a drill is taken for a migration", 8, bugs.drill_believed, tune=weather.drilled),
    Mutant("a tool is started wherever it stands", 8, bugs_tools.started_anyway, tune=bugs_tools.by_tools),
    Mutant("the same command prepares a tool again", 8, bugs_tools.prepared_again, tune=bugs_tools.by_tools),
    Mutant("a retry keeps what the try before it installed", 5, bugs_tools.leftovers_kept, tune=bugs_tools.failing_tools),
    Mutant("a cancellation leaves what was installed", 5, bugs_tools.nothing_undone, tune=bugs_tools.failing_tools),
)


@contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """While it lasts, the product has the bug."""
    with ExitStack() as stack:
        for patch in mutant.patches():
            stack.enter_context(patch)
        yield


def judges(mutant: Mutant) -> list[Checker]:
    """The checker that must find the bug, alone: another one would end the run before."""
    return [each for each in all_checkers() if each.number == mutant.found]


def hunt(mutant: Mutant, first: int = 0) -> int | None:
    """How many seeds, from the first on, it took until the right checker spoke; None if it did not within the number stated."""
    with applied(mutant):
        for count in range(1, mutant.seeds + 1):
            if found(mutant, first + count - 1):
                return count
    return None


def found(mutant: Mutant, seed: int) -> bool:
    """Whether the right checker objects to the seed, in the mutant's weather."""
    report = run_seed(seed, scenario=mutant.tune(draw(seed)), checkers=judges(mutant))
    return any(violation.number == mutant.found for violation in report.violations)


def innocent(mutant: Mutant, first: int, count: int) -> bool:
    """Whether the same seeds in the same weather are clean without the bug, whoever judges."""
    return not any(run_seed(seed, scenario=mutant.tune(draw(seed))).violations for seed in range(first, first + count))


def main(arguments: list[str] | None = None) -> int:
    """Print the table of docs/reliability.md: which seed found each bug, and whether the same seeds are clean without it."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="SEED", help="the first seed (default 0)")
    parser.add_argument("--only", default="", help="mutants whose name contains this, or of this invariant's number")
    chosen = parser.parse_args(arguments)
    bad = 0
    print("| invariant | the bug put in | found by seed number | without it |\n|---|---|---|---|")
    with prepared():
        for mutant in MUTANTS:
            if chosen.only and chosen.only not in mutant.name and chosen.only != str(mutant.found):
                continue
            count = hunt(mutant, chosen.first)
            clean = innocent(mutant, chosen.first, count or 1)
            bad += count is None or not clean
            print(f"| {mutant.found} | {mutant.name} | {count or 'not found'} | {'clean' if clean else 'NOT CLEAN'} |", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
