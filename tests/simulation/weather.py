"""Scenarios for deliberate bugs: drawn as usual, then changed so that the conditions of a bug occur often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from localcloud.core.clock import START
from tests.simulation.choices import OLD_ONLY
from tests.simulation.scenario import CHECK, DRAIN, RESTORE, TAG, Scenario, record
from tests.support.fleets import WINDOWS_2008


def two_disks(scenario: Scenario) -> Scenario:
    """Every instance has a data disk."""
    records = scenario.fleet["pages"][0]["Instances"]["Instance"]
    guests = {each["InstanceId"]: {"disks": [{}, {"size_gib": 20}]} for each in records}
    return replace(scenario, fleet={**scenario.fleet, "guests": guests})


def failing_snapshots(scenario: Scenario) -> Scenario:
    """Two disks per instance, snapshots that fail, and people who retry."""
    rates = {"snapshot_fails": 0.5, "person": 0.9}
    return replace(two_disks(scenario), rates=rates, chaos_min=180, prompt=True)


def denied(scenario: Scenario) -> Scenario:
    """Many rollbacks, while the permission to reset disks is withdrawn and restored."""
    return replace(going_back(scenario), rates={"reset_denied": 0.5, "person": 0.9})


def going_back(scenario: Scenario) -> Scenario:
    """Two disks per instance. People act all the time and jobs fail late, so there are many rollbacks."""
    records = scenario.fleet["pages"][0]["Instances"]["Instance"]
    guests = {each["InstanceId"]: {"disks": [{}, {"size_gib": 20}], "smc": {"fail_attempts": 9}} for each in records}
    wide = unlimited(scenario)
    return replace(wide, fleet={**wide.fleet, "guests": guests}, rates={"person": 0.9}, chaos_min=120, prompt=True)


def by_hand(scenario: Scenario) -> Scenario:
    """People make many snapshots while jobs run, and days pass."""
    return replace(unlimited(scenario), rates={"snapshot_by_hand": 0.6, "person": 0.5}, chaos_min=120, prompt=True)


def forgotten(scenario: Scenario) -> Scenario:
    """There are no faults, and nobody confirms anything for days."""
    prompt = with_policy(unlimited(scenario), confirmAfterDays=0, waves=None, commands=None)
    return replace(prompt, fleet={**scenario.fleet, "guests": {}}, rates={}, forgetful=True, prompt=True)


def old_only(scenario: Scenario) -> Scenario:
    """Every batch has a check that fails after the move, and nobody has allowed an automatic rollback."""
    wide = with_policy(unlimited(scenario), check=OLD_ONLY, automaticRollback=None, confirmAfterDays=0, commands=None)
    return replace(wide, fleet={**scenario.fleet, "guests": {}}, rates={"person": 0.1}, prompt=True)


def unasked(scenario: Scenario) -> Scenario:
    """The same scenario as ``old_only``, but every policy allows automatic rollbacks."""
    return with_policy(old_only(scenario), automaticRollback=True, rollbackApprovals=None)


def unasked_held(scenario: Scenario) -> Scenario:
    """The same scenario as ``unasked``, and people hold everything every few minutes."""
    return replace(unasked(scenario), rates={"person": 0.5}, holds=0.3, chaos_min=180)


def rollbacks_approved(scenario: Scenario) -> Scenario:
    """Each rollback needs two approvals, and people roll back all the time."""
    return with_policy(going_back(scenario), rollbackApprovals=2, approverTrust="claimed", automaticRollback=None)


def stopped_often(scenario: Scenario) -> Scenario:
    """People stop instances every few minutes. There are no other faults."""
    return replace(unlimited(scenario), rates={"instance_stopped": 0.2}, prompt=True, chaos_min=120)


def released_often(scenario: Scenario) -> Scenario:
    """People release an instance every few minutes. There are no other faults."""
    return replace(unlimited(scenario), rates={"instance_released": 0.1}, prompt=True, chaos_min=120)


def busy(scenario: Scenario) -> Scenario:
    """People act all the time."""
    return replace(unlimited(scenario), rates={"person": 0.9}, chaos_min=120, prompt=True)


def overlapping(scenario: Scenario) -> Scenario:
    """Everything is submitted twice, and people act all the time."""
    wide = busy(scenario)
    first = wide.batches[0]
    again = replace(first, at_min=first.at_min + 5, request={**first.request, "clientToken": "again"})
    return replace(wide, batches=(first, again))


def planning(scenario: Scenario) -> Scenario:
    """Intake dies often, and people act meanwhile."""
    return replace(unlimited(scenario), rates={"kill_after": 0.08, "person": 0.9, "interleave": 0.2}, chaos_min=120)


def drilled(scenario: Scenario) -> Scenario:
    """The first job of every instance is a drill."""
    guests = {id: {"smc": {"drills": 1}} for id in ids(scenario)}
    return replace(unlimited(scenario), fleet={**scenario.fleet, "guests": guests}, rates={"person": 0.3}, prompt=True)


def put_back(scenario: Scenario) -> Scenario:
    """Every job fails, and SMC resets the disks to its copies."""
    guests = {id: {"smc": {"fail_attempts": 9, "puts_back": True}} for id in ids(scenario)}
    return replace(unlimited(scenario), fleet={**scenario.fleet, "guests": guests}, rates={"person": 0.5}, prompt=True)


def losing(scenario: Scenario) -> Scenario:
    """The same scenario as ``going_back``, and others delete snapshots."""
    return replace(going_back(scenario), rates={"person": 0.9, "snapshot_deleted": 0.2})


def unlimited(scenario: Scenario) -> Scenario:
    """No limits hold a batch back."""
    freed = {"maxMoving": 6, "failureBudget": 9, "canary": 0, "driver": "smc"}
    return replace(with_policy(scenario, window=None, **freed), account_limit=20)


def checked(scenario: Scenario) -> Scenario:
    """Every batch has its own check."""
    return with_policy(scenario, check=CHECK)


def commanded(scenario: Scenario) -> Scenario:
    """Every batch has a pre and a post command, and some pre commands fail."""
    drain = "exit 4" if scenario.seed % 3 == 0 else "true"
    return with_policy(scenario, commands=[{"pre": f"{drain} {DRAIN}", "post": f"true {RESTORE}"}])


def with_policy(scenario: Scenario, **policy: Any) -> Scenario:
    """Add these fields to every batch's limits; None removes one.

    A window replaces all limits of time. A budget or waves replace the budget of each wave.
    """
    given = {"windows": None, "blackouts": None, **policy} if "window" in policy else policy
    if {"waves", "failureBudget"} & set(policy):
        given = {"waveFailureBudget": None, **given}

    def changed(own: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**own, **given}.items() if value is not None}

    batches = (replace(each, request={**each.request, "policy": changed(each.request["policy"])}) for each in scenario.batches)
    return replace(scenario, batches=tuple(batches))


def crashing(scenario: Scenario) -> Scenario:
    """Functions die right after every tenth call."""
    return replace(scenario, rates={"kill_after": 0.1, "person": 0.3}, chaos_min=120, prompt=True)


def crowded(scenario: Scenario) -> Scenario:
    """Many messages are delivered twice at the same moment."""
    return replace(scenario, rates={"interleave": 0.15})


def twins(scenario: Scenario) -> Scenario:
    """Two instances have the same address. The answers of imports are lost, and people change their minds."""
    page = scenario.fleet["pages"][0]
    first, second = page["Instances"]["Instance"][:2]
    twins = [first, {**second, "VpcAttributes": {**first["VpcAttributes"], "VpcId": "vpc-another"}}]
    fleet = {**scenario.fleet, "pages": [{**page, "Instances": {"Instance": twins}}], "guests": {}}
    wide = with_policy(scenario, maxMoving=2, failureBudget=9, canary=0, driver="smc")
    ids = [each["InstanceId"] for each in twins]
    only = {"instanceIds": ids, "destinations": {}}
    others = ("tags", "names", "exclude")
    kept = [{name: value for name, value in each.request.items() if name not in others} for each in wide.batches]
    batches = tuple(replace(each, request={**plain, **only}) for each, plain in zip(wide.batches, kept, strict=True))
    rates = {"kill_after": 0.05, "person": 0.9}
    return replace(wide, fleet=fleet, batches=batches, rates=rates, account_limit=20, chaos_min=180, prompt=True)


def slow_guests(scenario: Scenario) -> Scenario:
    """Commands take minutes, and people change their minds meanwhile."""
    wide = with_policy(scenario, maxMoving=6, failureBudget=9, canary=0, driver="smc")
    rates = {"command_slow": 0.7, "person": 0.9}
    return replace(wide, fleet={**scenario.fleet, "guests": {}}, rates=rates, account_limit=20, chaos_min=180)


def killed(scenario: Scenario) -> Scenario:
    """Many functions die right after a call, before they have stored its answer."""
    return replace(scenario, rates={"kill_after": 0.06, "person": 0.5})


def lost_answers(scenario: Scenario) -> Scenario:
    """Only instances with two disks, no limits, and functions that die after every tenth call, in some cases right after
    CreateSnapshot.
    """
    records = scenario.fleet["pages"][0]["Instances"]["Instance"]
    guests = {record["InstanceId"]: {"disks": [{}, {"size_gib": 20}]} for record in records}
    wide = with_policy(scenario, maxMoving=6, failureBudget=9, canary=0, driver="smc")
    rates = {"kill_after": 0.1, "person": 0.9}
    return replace(wide, fleet={**scenario.fleet, "guests": guests}, rates=rates, account_limit=20, chaos_min=180)


def failing_soon(scenario: Scenario) -> Scenario:
    """The same scenario without limits, and every job fails within its first minute, before lost effects are repeated."""
    records = scenario.fleet["pages"][0]["Instances"]["Instance"]
    guests = {record["InstanceId"]: {"smc": {"fail_attempts": 9, "at": "Preparing"}} for record in records}
    return killed(replace(with_policy(unlimited(scenario), driver="smc"), fleet={**scenario.fleet, "guests": guests}))


def kept(scenario: Scenario) -> Scenario:
    """Each system disk has an older snapshot of an operator."""
    records = scenario.fleet["pages"][0]["Instances"]["Instance"]
    guests = {record["InstanceId"]: {"snapshot_in_progress": True} for record in records}
    later = tuple(replace(each, at_min=each.at_min + 60) for each in scenario.batches)
    return replace(scenario, fleet={**scenario.fleet, "guests": guests}, batches=later)


def failing(scenario: Scenario) -> Scenario:
    """Every job fails, one after the other, and the failure budget is 0."""
    guests = {record["InstanceId"]: {"smc": {"fail_attempts": 9}} for record in scenario.fleet["pages"][0]["Instances"]["Instance"]}
    policy = {"retentionDays": 1, "maxMoving": 1, "failureBudget": 0}
    chosen = tuple(replace(each, request={**each.request, "policy": policy}) for each in scenario.batches)
    return replace(scenario, fleet={**scenario.fleet, "guests": guests}, batches=chosen, rates={"person": 0.5}, chaos_min=180)


def failing_in_percent(scenario: Scenario) -> Scenario:
    """The same scenario with the budget as a percentage of the batch. The absolute count alone would stop nothing."""
    return with_policy(failing(scenario), failureBudget=100, failurePercent=0)


def failing_in_waves(scenario: Scenario) -> Scenario:
    """The same scenario as ``failing``. The batch may have nine failures, but each wave none."""
    return with_policy(failing(scenario), failureBudget=9, waves=["9"], waveFailureBudget=0)


def refused_late(scenario: Scenario) -> Scenario:
    """Instances move one by one, and the budget is 0. People stop instances that wait, so the second precheck refuses them."""
    alone = with_policy(unlimited(scenario), maxMoving=1, failureBudget=0)
    return replace(alone, rates={"instance_stopped": 0.3, "person": 0.1}, prompt=True, chaos_min=180)


def later(scenario: Scenario) -> Scenario:
    """Nothing may start before tomorrow."""
    return with_policy(scenario, window={"start": "05:00", "end": "07:00", "cutoffMin": 10})


def tomorrow_in_london(scenario: Scenario) -> Scenario:
    """Nothing may start before tomorrow, because of two windows in two zones."""
    london = {"start": "05:00", "end": "07:00", "cutoffMin": 10, "zone": "Europe/London"}
    shanghai = {"start": "20:00", "lengthMin": 120, "cutoffMin": 10, "zone": "Asia/Shanghai", "days": [0, 1, 2, 3, 4, 5, 6]}
    return with_policy(scenario, window=None, windows=[london, shanghai])


def black(scenario: Scenario) -> Scenario:
    """A blackout of some hours holds everything from the beginning."""
    return with_policy(scenario, blackouts=[black_between(-60, 600)])


def retried_in_a_blackout(scenario: Scenario) -> Scenario:
    """A blackout begins while the first jobs fail. They are retried after it."""
    return with_policy(retried(scenario), blackouts=[black_between(20, 600)])


def two_hops_in_a_blackout(scenario: Scenario) -> Scenario:
    """A blackout begins while the first hop runs."""
    return with_policy(two_hops(scenario), blackouts=[black_between(40, 600)])


def black_between(begins: int, ends: int, *, cutoff_min: int = 0) -> dict[str, Any]:
    """A blackout, in minutes from the beginning of the run."""
    first, last = START + timedelta(minutes=begins), START + timedelta(minutes=ends)
    return {"from": f"{first:%Y-%m-%dT%H:%MZ}", "to": f"{last:%Y-%m-%dT%H:%MZ}", "reason": "storm", "cutoffMin": cutoff_min}


def canary(scenario: Scenario) -> Scenario:
    return with_policy(scenario, canary=1, maxMoving=6)


def narrow(scenario: Scenario) -> Scenario:
    """The account allows one moving instance at a time; the batches allow more."""
    return replace(with_policy(scenario, maxMoving=6), account_limit=1)


# Starts ---------------------------------------------------------------------------------------------------------------


def retried(scenario: Scenario) -> Scenario:
    """Most first snapshots fail, and people retry. So a retry asks for its start as soon as its precheck has passed."""
    wide = replace(unlimited(scenario), fleet={**scenario.fleet, "guests": {}})
    return replace(wide, rates={"person": 0.9, "snapshot_fails": 0.9}, chaos_min=120, prompt=True)


def retried_while_dying(scenario: Scenario) -> Scenario:
    """The same scenario as ``retried``. Many functions die after a call, some between an event and the end of its outbox."""
    return replace(retried(scenario), rates={"person": 0.9, "snapshot_fails": 0.9, "kill_after": 0.12})


def retried_in_windows(scenario: Scenario) -> Scenario:
    """The window closes while the first jobs fail. They are retried after it."""
    return with_policy(retried(scenario), window=closing_after(20))


def retried_beside_failures(scenario: Scenario) -> Scenario:
    """The budget is 0, and several instances move at once. Each retry must wait for the failures of the others."""
    return with_policy(retried(scenario), failureBudget=0, maxMoving=3)


def retried_canary(scenario: Scenario) -> Scenario:
    """The canary fails. Another instance takes its place, and the first one is retried meanwhile."""
    return with_policy(retried(scenario), canary=1)


def two_hops(scenario: Scenario) -> Scenario:
    """Every second instance goes from Windows Server 2008 R2 to 2019 in two hops. Every other instance's first job fails."""
    page = scenario.fleet["pages"][0]
    there = page["Instances"]["Instance"]
    mixed = [record(number, WINDOWS_2008) if number % 2 else each for number, each in enumerate(there, start=1)]
    guests = {each["InstanceId"]: {"smc": {"fail_attempts": 1}} for each in mixed[1::2]}
    fleet = {**scenario.fleet, "pages": [{**page, "Instances": {"Instance": mixed}}], "guests": guests}
    far = {each["InstanceId"]: "windows-2019-datacenter" for each in mixed[::2]}
    wide = replace(unlimited(scenario), fleet=fleet, rates={"person": 0.1}, chaos_min=180, prompt=True)
    wide = with_policy(wide, check=None)
    return replace(wide, batches=tuple(replace(each, request=_chosen(each.request, far)) for each in wide.batches))


def _chosen(request: dict[str, Any], far: dict[str, str]) -> dict[str, Any]:
    named = request.get("instanceIds", ())
    return {**request, "destinations": {id: to for id, to in far.items() if id in named}, "dryRun": False}


def two_hops_in_windows(scenario: Scenario) -> Scenario:
    """The window closes while the first hop runs."""
    return with_policy(two_hops(scenario), window=closing_after(40))


def two_hops_beside_failures(scenario: Scenario) -> Scenario:
    """Other migrations fail while the first hop runs, and the budget is 0."""
    return with_policy(two_hops(scenario), failureBudget=0)


def held_often(scenario: Scenario) -> Scenario:
    """People hold everything every few minutes."""
    return replace(busy(scenario), holds=0.3)


def in_waves(scenario: Scenario) -> Scenario:
    """Every batch moves in waves of two, with a very short soak."""
    return replace(with_policy(unlimited(scenario), waves=["2"], soakMin=5), rates={"person": 0.1}, prompt=True)


def approved(scenario: Scenario) -> Scenario:
    """Two persons approve each batch, for half an hour. Instances move one by one."""
    given = {"approvals": 2, "approverTrust": "claimed", "approvalMin": 30, "approvalExpiry": "hold", "maxMoving": 1}
    return replace(with_policy(unlimited(scenario), **given), rates={"person": 0.1}, prompt=True)


def approved_waves(scenario: Scenario) -> Scenario:
    """Every batch moves in waves of two. Each wave needs two approvals."""
    return with_policy(in_waves(scenario), waveApprovals=2, approverTrust="claimed", gate="approval")


def paused_often(scenario: Scenario) -> Scenario:
    """People pause, resume and stop batches every few minutes."""
    return replace(busy(scenario), brakes=0.3)


def failing_in_the_console(scenario: Scenario) -> Scenario:
    """People start the jobs in the console. Each job fails, is not deleted, and could be started again after the rollback."""
    return with_policy(going_back(scenario), driver="console")


def closing_after(minutes: int) -> dict[str, Any]:
    """A window that allows starts for ``minutes`` minutes from the beginning."""
    opens = START - timedelta(minutes=60)
    closes = START + timedelta(minutes=minutes)
    return {"start": f"{opens:%H:%M}", "end": f"{closes:%H:%M}", "cutoffMin": 0}


def ids(scenario: Scenario) -> list[str]:
    """The ids of the instances in the scenario's fleet."""
    return [each["InstanceId"] for each in scenario.fleet["pages"][0]["Instances"]["Instance"]]


def one_per_region(scenario: Scenario) -> Scenario:
    """One instance per region at once; all instances are in one region."""
    return replace(with_policy(unlimited(scenario), maxMovingPerRegion=1), rates={"person": 0.3}, prompt=True)


def one_per_wave(scenario: Scenario) -> Scenario:
    """Waves of half the batch; one instance per wave at once."""
    waves = {"waves": ["50%"], "maxMovingPerWave": 1, "approvals": 0, "waveApprovals": 0}
    return replace(with_policy(unlimited(scenario), **waves), rates={"person": 0.3}, prompt=True)


def grouped(scenario: Scenario) -> Scenario:
    """Each instance is one of two members of a group, and all are submitted at once."""
    for place, each in enumerate(scenario.fleet["pages"][0]["Instances"]["Instance"]):
        each["Tags"] = {"Tag": [{"TagKey": TAG, "TagValue": f"pair-{place // 2}"}]}
    return replace(with_policy(unlimited(scenario), group={"tag": TAG}), rates={"person": 0.3}, prompt=True)
