"""The deliberate bugs of single fields of a policy, a part of the table in mutants.py."""

from __future__ import annotations

from tests.simulation import bugs_change, bugs_policy, weather
from tests.simulation.mutant import Mutant

POLICY_MUTANTS = (
    Mutant(
        "the start of a window is ignored",
        7,
        bugs_policy.opens_early,
        tune=bugs_policy.with_window(start="09:30", end="12:00", cutoffMin=0),
    ),
    Mutant(
        "the end of a window is ignored",
        7,
        bugs_policy.closes_late,
        tune=bugs_policy.with_window(start="05:00", end="07:00", cutoffMin=0),
    ),
    Mutant(
        "the length of a window is ignored",
        7,
        bugs_policy.length_ignored,
        tune=bugs_policy.with_window(start="05:00", lengthMin=120, cutoffMin=0),
    ),
    Mutant(
        "the days of a window are ignored",
        7,
        bugs_policy.days_ignored,
        tune=bugs_policy.with_window(start="07:00", end="12:00", cutoffMin=0, days=[1, 2, 3, 4, 5, 6]),
    ),
    Mutant(
        "the cutoff of a window is ignored",
        7,
        bugs_policy.cutoff_ignored,
        tune=bugs_policy.with_window(start="05:00", end="11:00", cutoffMin=240),
    ),
    Mutant(
        "the offset of a window is ignored",
        7,
        bugs_policy.offset_ignored,
        tune=bugs_policy.with_window(start="07:00", end="12:00", cutoffMin=0, utcOffsetMin=480),
    ),
    Mutant(
        "the zone of the policy is ignored",
        7,
        bugs_policy.common_zone_ignored,
        tune=bugs_policy.with_window(start="07:00", end="12:00", cutoffMin=0, common="Asia/Shanghai"),
    ),
    Mutant("a blackout begins without its cutoff", 11, bugs_policy.blackout_begins_late, tune=bugs_policy.almost_black),
    Mutant("a wave waits for no person", 11, bugs_policy.gate_ignored, tune=bugs_policy.gated),
    Mutant("a name that nobody has verified approves", 11, bugs_policy.names_unverified, tune=bugs_policy.unverified),
    Mutant("a person of another role approves", 11, bugs_policy.roles_of_approvers_ignored, tune=bugs_policy.approved_by_role),
    Mutant("an expired approval always stops the batch", 13, bugs_policy.expiry_always_cancels, tune=weather.approved),
    Mutant(
        "a rule ignores the instances that it names", 13, bugs_policy.instances_of_rules_ignored, tune=bugs_policy.commanded_one
    ),
    Mutant("a rule ignores the tag that it names", 13, bugs_policy.tags_of_rules_ignored, tune=bugs_policy.commanded_by_tag),
    Mutant("the time limit of a pre command is ignored", 13, bugs_policy.time_of_pre_ignored, tune=bugs_policy.commanded_in_time),
    Mutant("the time limit of a post command is ignored", 13, bugs_policy.time_of_post_ignored, tune=bugs_policy.commanded_in_time),
    Mutant("a changed file of the policy is overlooked", 15, bugs_policy.files_ignored, tune=bugs_policy.changing_files),
    Mutant("a failed check of the policy is overlooked", 15, bugs_policy.check_ignored, tune=bugs_policy.failing_check),
    Mutant("the files of a rule are ignored", 15, bugs_policy.own_files_ignored, tune=bugs_policy.changing_files_of_a_rule),
    Mutant("the check of a rule is ignored", 15, bugs_policy.own_check_ignored, tune=bugs_policy.failing_check_of_a_rule),
    Mutant("every batch is moved by SMC", 15, bugs_policy.moved_by_smc, tune=bugs_policy.by_console),
    Mutant("a destination past its support needs no permission", 15, bugs_policy.support_ignored, tune=bugs_policy.to_the_past),
    Mutant("a path on request needs no permission", 15, bugs_policy.listing_ignored, tune=bugs_policy.on_request),
    Mutant("a finding needs no override", 15, bugs_policy.overrides_unneeded, tune=bugs_policy.spots),
    Mutant("every wave is one instance too large", 15, bugs_policy.waves_too_large, tune=weather.in_waves),
    Mutant("a reminder comes at once", 15, bugs_policy.reminded_at_once, tune=bugs_policy.forgotten_for_days),
    Mutant("the stages go on by the policy before a change", 11, bugs_change.change_unread, tune=bugs_change.changed_often),
    Mutant("an old approval survives a change", 11, bugs_change.old_approvals_kept, tune=bugs_change.changed_when_approved),
    Mutant("a change of the policy is not told", 15, bugs_change.change_untold, tune=bugs_change.changed_often),
    Mutant("a new policy is set whatever the person saw", 15, bugs_change.change_unseen, tune=bugs_change.changed_often),
)
