"""Deliberate bugs, patched in for a test: a checker that cannot find its bug proves nothing.

``python -m tests.simulation.mutants --from SEED`` prints for each bug how many seeds from SEED on it took to find.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.simulation import (
    bugs,
    bugs_kept,
    bugs_media,
    bugs_rollback,
    bugs_starts,
    bugs_steps,
    bugs_tools,
    ordered,
    protecting,
    selected,
    weather,
)
from tests.simulation.invariants import Checker, all_checkers
from tests.simulation.mutant import Mutant
from tests.simulation.mutants_policy import POLICY_MUTANTS
from tests.simulation.scenario import draw
from tests.simulation.simulation import prepared, run_seed

MUTANTS = (
    Mutant("the migrate stage does not wait for the snapshots", 1, bugs_steps.no_wait),
    Mutant("only the first disk is snapshotted", 1, bugs.one_disk_snapshotted, tune=weather.two_disks),
    Mutant("a retry uses the old snapshots", 1, bugs.old_snapshots_used, tune=weather.failing_snapshots),
    Mutant("the sweep forgets the retention", 2, bugs_steps.no_retention),
    Mutant("the sweep takes the oldest snapshot of the disk for ours", 2, bugs_steps.anybodys, tune=weather.kept),
    Mutant("the sweep waits for no person", 2, bugs_steps.unreleased),
    Mutant("nobody locks the instance", 3, bugs_steps.no_lock),
    Mutant("a source is known by its address alone", 3, bugs_steps.address_alone, tune=weather.twins),
    Mutant("admission does not ask for the acknowledgement", 4, bugs_starts.no_acknowledgement),
    Mutant("the acknowledgement keeps no text", 4, bugs.no_text),
    Mutant("an outbox is never sent again", 5, bugs.never_sent_again, tune=weather.crashing),
    Mutant("the tick finds nothing due", 5, bugs_steps.no_tick),
    Mutant("locks are kept for ever", 5, bugs_steps.lock_kept),
    Mutant("the clean-up removes nothing", 5, bugs_steps.nothing_cleaned),
    Mutant("a next hop waits for the failure budget", 5, bugs_starts.hop_waits_for_budget, tune=weather.two_hops_beside_failures),
    Mutant("the clean-up waits for no import", 5, bugs_steps.import_left, tune=weather.slow_guests),
    Mutant("the guard ignores a stop", 5, bugs.stops_overlooked, tune=weather.stopped_often),
    Mutant("the guard ignores a release", 5, bugs.releases_overlooked, tune=weather.released_often),
    Mutant("steps are written without their condition", 6, bugs_steps.no_condition, tune=weather.crowded),
    Mutant("one step writes no line in the journal", 6, bugs_steps.line_lost),
    Mutant("the wave has no size", 7, bugs_starts.no_limit),
    Mutant("failures are not counted", 7, bugs_starts.no_budget, tune=weather.failing),
    Mutant("the share of failures that the policy gives is ignored", 7, bugs.share_ignored, tune=weather.failing_in_percent),
    Mutant("a late refusal does not count as failed", 7, bugs.late_refusal_uncounted, tune=weather.refused_late),
    Mutant("the failure budget of a wave is ignored", 11, bugs_starts.no_wave_budget, tune=weather.failing_in_waves),
    Mutant("counting a failure does nothing", 7, bugs_starts.count_lost, tune=weather.failing),
    Mutant("a slot is given back with the snapshots", 7, bugs_starts.slot_lost),
    Mutant("a slot given back is still counted", 7, bugs_starts.miscounted),
    Mutant("the maintenance window is ignored", 7, bugs_starts.no_window, tune=weather.later),
    Mutant("the zone of a window is ignored", 7, bugs_starts.zone_forgotten, tune=weather.tomorrow_in_london),
    Mutant("the canary is ignored", 7, bugs_starts.no_canary, tune=weather.canary),
    Mutant("redundancy groups are ignored", 7, bugs_starts.no_group, tune=weather.grouped),
    Mutant("the place of a group is anybody's", 7, bugs_starts.place_is_anybodys, tune=weather.grouped),
    Mutant("the limit of a region is ignored", 7, bugs_starts.no_region_limit, tune=weather.one_per_region),
    Mutant("the limit of a wave is ignored", 7, bugs_starts.no_wave_limit, tune=weather.one_per_wave),
    Mutant("the order of a batch is ignored", 7, ordered.order_ignored, tune=ordered.by_turns),
    Mutant("the account's limit is ignored", 7, bugs_starts.no_account_limit, tune=weather.narrow),
    Mutant("intake takes one instance more", 9, bugs.one_more),
    Mutant("an exclusion by tag is ignored", 9, selected.exclusion_ignored, tune=selected.tagged),
    Mutant("an exclusion by id is ignored", 9, selected.exclusion_ignored, tune=selected.named),
    Mutant("the tags of a selection are ignored", 9, selected.tags_ignored, tune=selected.tagged),
    Mutant("the names of a selection are ignored", 9, selected.names_ignored, tune=selected.named),
    Mutant("the resource groups of a selection are ignored", 9, selected.resource_groups_ignored, tune=selected.in_resource_groups),
    Mutant("the VPCs of a selection are ignored", 9, selected.vpcs_ignored, tune=selected.in_vpcs),
    Mutant(
        "an exclusion by resource group is ignored", 9, selected.excluded_resource_groups_ignored, tune=selected.in_resource_groups
    ),
    Mutant("an exclusion by VPC is ignored", 9, selected.excluded_vpcs_ignored, tune=selected.in_vpcs),
    Mutant("an exclusion by name is ignored", 9, selected.excluded_names_ignored, tune=selected.by_patterns),
    Mutant("what is found after the acknowledgement moves as well", 9, bugs.freeze_ignored, tune=weather.planning),
    Mutant("a rollback resets only the system disk", 10, bugs_rollback.only_the_system_disk, tune=weather.going_back),
    Mutant("a rollback resets only one disk", 10, bugs_rollback.only_one_disk, tune=weather.going_back),
    Mutant("a rollback skips the guest's proof", 10, bugs_rollback.unproved, tune=weather.going_back),
    Mutant("a rollback begins before it has looked at every snapshot", 10, bugs_rollback.not_looked_at, tune=weather.losing),
    Mutant("a name like SMC's is enough for a snapshot to be ours", 12, bugs.the_name_is_enough, tune=weather.by_hand),
    Mutant("the sweep waits for no person", 12, bugs_steps.unreleased),
    Mutant("the sweep takes the oldest snapshot of the disk for ours", 12, bugs_steps.anybodys, tune=weather.kept),
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
    Mutant("a rollback resets nothing and says it did", 10, bugs_rollback.false_rollback),
    Mutant("a rollback neither stops the job nor looks at it", 10, bugs_rollback.job_left, tune=weather.failing_in_the_console),
    Mutant("a reset that was denied is taken for one that was made", 10, bugs.denial_ignored, tune=weather.denied),
    Mutant("a failed rollback calls every disk restored", 10, bugs.all_called_restored, tune=weather.denied),
    Mutant("SMC is always said to have left the disks alone", 10, bugs.never_put_back, tune=weather.put_back),
    Mutant("SMC is always said to have put the disks back", 10, bugs.always_put_back, tune=weather.failing_soon),
    Mutant("a retry ignores the window", 11, bugs_starts.no_retry_window, tune=weather.retried_in_windows),
    Mutant("a retry ignores the failure budget", 11, bugs_starts.no_retry_budget, tune=weather.retried_beside_failures),
    Mutant("a retry ignores the canary", 11, bugs_starts.no_retry_canary, tune=weather.retried_canary),
    Mutant("a next hop ignores the window", 11, bugs_starts.no_hop_window, tune=weather.two_hops_in_windows),
    Mutant("a blackout is ignored", 11, bugs_starts.no_blackout, tune=weather.black),
    Mutant("a retry ignores a blackout", 11, bugs_starts.no_retry_blackout, tune=weather.retried_in_a_blackout),
    Mutant("a next hop ignores a blackout", 11, bugs_starts.no_hop_blackout, tune=weather.two_hops_in_a_blackout),
    Mutant("the hold is ignored", 11, bugs_starts.no_hold, tune=weather.held_often),
    Mutant("a wave does not wait for the one before", 11, bugs.waves_overlap, tune=weather.in_waves),
    Mutant("a wave does not soak", 11, bugs.no_soak, tune=weather.in_waves),
    Mutant("a start waits for no approval", 11, bugs_starts.no_approval, tune=weather.approved),
    Mutant("an approval never expires", 11, bugs.approvals_for_ever, tune=weather.approved),
    Mutant("a wave waits for no approval", 11, bugs.waves_unapproved, tune=weather.approved_waves),
    Mutant("a pause is ignored", 11, bugs_starts.no_pause, tune=weather.paused_often),
    Mutant("a resume forgives what the person did not see", 13, bugs.more_forgiven, tune=weather.paused_often),
    Mutant("a job is started again whatever it has done", 8, bugs_steps.launched_unseen, tune=weather.failing_soon),
    Mutant("every call has another client token", 8, bugs_steps.another_token, tune=weather.lost_answers),
    Mutant("messages that are behind are taken", 8, bugs_steps.behind),
    Mutant("one event received removes the whole outbox", 8, bugs_steps.whole_outbox_removed, tune=weather.retried_while_dying),
    Mutant("an outbox is removed for an event that was not received", 8, bugs_steps.removed_unreceived, tune=weather.crashing),
    Mutant("a drill is taken for a migration", 8, bugs.drill_believed, tune=weather.drilled),
    Mutant("a tool is started wherever it stands", 8, bugs_tools.started_anyway, tune=bugs_tools.by_tools),
    Mutant("the same command prepares a tool again", 8, bugs_tools.prepared_again, tune=bugs_tools.by_tools),
    Mutant("a retry keeps what the try before it installed", 5, bugs_tools.leftovers_kept, tune=bugs_tools.failing_tools),
    Mutant("a media disk counts as removed, and is not", 5, bugs_media.disk_left, tune=bugs_media.by_setup),
    Mutant("a media disk is requested before its row is written", 5, bugs_media.disk_unwritten, tune=bugs_media.by_setup),
    Mutant(
        "nobody looks for media disks that are left",
        5,
        bugs_media.leftovers_overlooked,
        tune=bugs_media.forgotten_after_failures,
    ),
    Mutant("a cancellation leaves what was installed", 5, bugs_tools.nothing_undone, tune=bugs_tools.failing_tools),
    Mutant(
        "a tool's file is believed after the tool has failed",
        5,
        bugs_tools.file_believed,
        tune=bugs_tools.failing_at_the_first_start,
    ),
    Mutant("a command that comes after the end begins its try again", 8, bugs_tools.begun_after_the_end, tune=bugs_tools.by_tools),
    Mutant("a tool does not wait for its licence", 8, bugs_tools.unlicensed, tune=bugs_tools.lacking_licences),
    Mutant("a start that was turned away is carried out later", 8, bugs_tools.started_late, tune=bugs_tools.turned_away),
    Mutant("a tool runs beside somebody else's", 8, bugs_tools.beside_others, tune=bugs_tools.beside_strangers),
    Mutant("Replank's own scripts are sent as text", 13, bugs_kept.sent_as_text, tune=bugs_kept.keeping_commands),
    Mutant("parameters of kept commands are plain text", 13, bugs_kept.pasted_plainly, tune=bugs_kept.keeping_commands),
    Mutant("people's text runs by the functions' own roles", 13, bugs_kept.by_their_own_role, tune=bugs_kept.keeping_commands),
    Mutant("the second role runs a check before the acknowledgement", 13, bugs.checked_unasked, tune=bugs_kept.keeping_commands),
    Mutant("a run takes the command of whatever version is deployed", 8, bugs_kept.newest_command, tune=bugs_kept.deployed_often),
    Mutant("a missing command is waited for in silence", 5, bugs_kept.missing_untold, tune=bugs_kept.deleting_commands),
    Mutant("a missing command fails its migration at once", 5, bugs_kept.missing_fails, tune=bugs_kept.deleting_commands),
    Mutant("a rollback loses the log of the tool", 6, bugs_tools.log_lost, tune=bugs_tools.failing_late),
    Mutant("a further precheck chooses the driver again", 13, bugs_tools.chosen_again, tune=bugs_tools.choosing),
    Mutant("a deletion protection is never put back", 14, bugs_steps.protection_kept),
    Mutant("a retry protects again what a person has unprotected", 14, bugs_steps.protected_again, tune=protecting.switched_often),
    *POLICY_MUTANTS,
)


@contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """Within the block, the product has the bug. Results that the product has cached with the bug are forgotten afterwards."""
    try:
        with ExitStack() as stack:
            for patch in mutant.patches():
                stack.enter_context(patch)
            _forget_cached_results()
            yield
    finally:
        _forget_cached_results()


def _forget_cached_results() -> None:
    """Empty the caches of the product's functions."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "shared":
            for each in list(vars(module).values()):
                if callable(clear := getattr(each, "cache_clear", None)):
                    clear()


def judges(mutant: Mutant) -> list[Checker]:
    """Only the checker that must find the bug: any other checker might end the run first."""
    return [each for each in all_checkers() if each.number == mutant.found]


def hunt(mutant: Mutant, first: int = 0) -> int | None:
    """The number of seeds, from the first on, until the right checker found the bug; None if all ``seeds`` passed."""
    with applied(mutant):
        for count in range(1, mutant.seeds + 1):
            if found(mutant, first + count - 1):
                return count
    return None


def found(mutant: Mutant, seed: int) -> bool:
    """Whether the right checker reports a violation for the seed, in the mutant's scenario."""
    report = run_seed(seed, scenario=mutant.tune(draw(seed)), checkers=judges(mutant))
    return any(violation.number == mutant.found for violation in report.violations)


def innocent(mutant: Mutant, first: int, count: int) -> bool:
    """Whether the same seeds in the same scenario have no violation without the bug, by any checker."""
    return not any(run_seed(seed, scenario=mutant.tune(draw(seed))).violations for seed in range(first, first + count))


def main(arguments: list[str] | None = None) -> int:
    """Print the table of docs/reliability.md: which seed found each bug, and whether the same seeds pass without the bug."""
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
