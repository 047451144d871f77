"""The scenario of a seed: a small fleet, its batches, and the kinds and rates of faults. It is drawn once, before the run."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

from localcloud.core.clock import START
from tests.simulation import choices, keeps, tools
from tests.simulation.choices import OLD_ONLY
from tests.support.fleets import CENTOS_7, WINDOWS_2008, fleet, instance

CALLS = ("throttle", "error", "drop_before", "drop_after", "error_after")
"""Faults of calls: throttling, a server error, a time-out without or with the effect, an error after the effect."""
DENIED = ("denied", "reset_denied")
"""A call of ECS or SMC that is refused with 403, as if a permission were missing for a moment. Resets are rare, so they are
refused often.
"""
CRASHES = ("kill_before", "kill_after")
TURNS = ("interleave", "slow", "shuffle")
"""Another job in the middle of a call; a call that takes minutes; due jobs in another order."""
DELIVERIES = ("duplicate", "lose", "delay")
WORLD = (
    "index_lag",
    "snapshot_fails",
    "snapshot_sticks",
    "snapshot_deleted",
    "job_fails",
    "job_hangs",
    "job_vanishes",
    "job_cancelled",
    "source_vanishes",
    "agent_silent",
    "command_slow",
    "instance_stopped",
    "instance_rebooted",
    "instance_released",
    "clock_jump",
    "second_tick",
    "early_sweep",
    "deployment",
    "clock_skew",
    "snapshot_by_hand",
)
PEOPLE = ("person",)
KINDS = CALLS + DENIED + CRASHES + TURNS + DELIVERIES + WORLD + PEOPLE
TWINS, NAMESAKES = 0.15, 0.2
"""The share of seeds in which two instances have the same address, and the share of these in which the hostname is the same too."""
PROMPT, FORGETFUL = 0.4, 0.3
DRILLS, PUTS_BACK = 0.06, 0.25
"""The share of instances whose first job is a drill, and of those whose disks SMC puts back after a failed or cancelled job."""
APPROVED = 0.15
"""The share of batches that need approvals."""
BLACK = 0.12
"""The share of batches with a blackout."""
GROUPED, TAG = 0.25, "serves"
"""The share of seeds with redundancy groups, and the groups' tag. In these seeds most batches name the tag."""
PROTECTED = 0.15
"""The share of instances with deletion protection from the beginning."""
HOLDS = 0.04
"""How often an act of a person is a hold of everything."""
BRAKES = 0.06
"""How often an act of a person pauses, resumes or stops a batch."""
CHANGES = 0.06
"""How often an act of a person changes the policy of a batch."""
FOREIGN = "id # a stranger's command"
"""The command that a stranger's notice tries to run in guests."""
CHECKED, CHECK = 0.25, "test -d /etc # own check of the application"
"""The share of batches with the operator's own check in the guests, and that check."""

UNASKED = 0.15
"""The share of batches with automatic rollback."""

COMMANDED, DRAIN, RESTORE = 0.15, "# own drain", "# own restore"
"""The share of batches with a pre command and a post command, and the text that marks them."""

ORDERED, TURN = 0.15, "turn"
"""The share of batches with an order, and the tag that some of these orders use."""

SELECTED = 0.15
"""The share of batches that select by tag, name, resource group or VPC, with an exclusion."""


@dataclass(frozen=True)
class BatchPlan:
    """A batch that is submitted ``at_min`` minutes into the run, as a request to the API."""

    at_min: int
    request: dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """The scenario of one seed. ``rates`` gives the probability of each kind of fault, per call, per delivery, or per minute."""

    seed: int
    fleet: dict[str, Any]
    batches: tuple[BatchPlan, ...]
    rates: dict[str, float]
    account_limit: int
    chaos_min: int
    inventory: bool = False
    prompt: bool = False
    """Whether each batch is acknowledged within minutes, so that instances move during the storm."""
    forgetful: bool = False
    """Whether nobody decides anything for longer than every retention, once the storm is over."""
    keeps_commands: bool = False
    """Whether the functions invoke kept commands, and may run no other text but an operator's."""
    run_role: bool = False
    """Whether text of persons has a role of its own (only with kept commands)."""
    roles: bool = False
    """Whether the deployment gives roles to persons."""
    holds: float = HOLDS
    brakes: float = BRAKES
    changes: float = CHANGES
    kinds: tuple[str, ...] = field(default=())


def draw(seed: int) -> Scenario:
    """The scenario of a seed. Each seed has a few kinds of faults at full rate, so that rare faults also occur alone."""
    rng = random.Random(f"scenario:{seed}")
    count = rng.choice((5, 6, 7, 8, 8, 9))
    numbers = list(range(1, count + 1))
    windows = {number for number in numbers if rng.random() < 0.12}
    records = [record(number, WINDOWS_2008 if number in windows else CENTOS_7) for number in numbers]
    _twin(random.Random(f"twins:{seed}"), records)
    _tagged(random.Random(f"groups:{seed}"), records)
    _protected(random.Random(f"protected:{seed}"), records)
    choices.with_spots(random.Random(f"spots:{seed}"), records)
    records += _bystanders(random.Random(f"bystanders:{seed}"), count)
    guests = {f"i-test{number:04d}": facts for number in numbers if (facts := _guest(rng))}
    batches = tuple(_batch(rng, at, numbers, windows) for at in range(rng.choice((1, 2, 2, 3, 3))))
    batches = tuple(_with_group(random.Random(f"group:{seed}:{at}"), each, records) for at, each in enumerate(batches))
    batches = tuple(_with_times(random.Random(f"times:{seed}:{at}"), each) for at, each in enumerate(batches))
    batches = tuple(_with_approvals(random.Random(f"approvals:{seed}:{at}"), each) for at, each in enumerate(batches))
    batches = tuple(_with_commands(random.Random(f"commands:{seed}:{at}"), each) for at, each in enumerate(batches))
    batches = tuple(_with_unasked(random.Random(f"unasked:{seed}:{at}"), each) for at, each in enumerate(batches))
    batches = tuple(_with_reminder(random.Random(f"reminder:{seed}:{at}"), each) for at, each in enumerate(batches))
    batches = tuple(_with_order(random.Random(f"order:{seed}:{at}"), each, records) for at, each in enumerate(batches))
    batches = tuple(_with_selection(random.Random(f"selection:{seed}:{at}"), each, at, records) for at, each in enumerate(batches))
    batches = tuple(choices.with_choices(seed, at, each, records) for at, each in enumerate(batches))
    kinds = tuple(kind for kind in KINDS if rng.random() < 0.6)
    rates = {kind: _rate(rng, kind) for kind in kinds}
    _by_smc(random.Random(f"smc:{seed}"), guests, numbers)
    by_tools = tools.drawn(seed, records, guests, [each.request for each in batches])
    batches = tuple(replace(each, request=request) for each, request in zip(batches, by_tools.requests, strict=True))
    kept = keeps.drawn(seed, by_tools=bool(by_tools.rates))
    settings: dict[str, Any] = {"concurrent_snapshots": rng.choice((2, 3))} if rng.random() < 0.1 else {}
    settings |= {"event_form": rng.choice(("content", "cloudmonitor", "mixed"))}
    return Scenario(
        seed=seed,
        fleet=fleet(*records, guests=guests, faults=settings),
        batches=batches,
        rates={**rates, **by_tools.rates, **kept["rates"]},
        account_limit=rng.choice((3, 20, 20)),
        chaos_min=rng.choice((60, 90, 120, 180)),
        inventory=rng.random() < 0.05,
        prompt=random.Random(f"prompt:{seed}").random() < PROMPT,
        forgetful=random.Random(f"forgetful:{seed}").random() < FORGETFUL,
        keeps_commands=kept["keeps_commands"],
        run_role=kept["run_role"],
        roles=random.Random(f"roles:{seed}").random() < choices.WITH_ROLES,
        kinds=kinds,
    )


def record(number: int, runs: tuple[str, str, str]) -> dict[str, Any]:
    """An instance whose guest is the same in every seed, so that its probes need not run again."""
    address = {"PrivateIpAddress": {"IpAddress": [f"172.16.0.{number + 1}"]}}
    fixed = {"SerialNumber": f"{number:032x}", "VpcAttributes": address, "HostName": f"web-{number}"}
    return instance(number, runs, **fixed)


def _bystanders(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """One or two instances that no batch selects. They look like those that are moved."""
    return [record(number, CENTOS_7) for number in range(count + 1, count + 1 + rng.choice((1, 1, 2)))]


def _twin(rng: random.Random, records: list[dict[str, Any]]) -> None:
    """Sometimes the second instance has the first one's private address, in another VPC, and in a few seeds its hostname too.

    It is always these two instances, so that there are few different guests over all seeds.
    """
    if rng.random() < TWINS:
        address = records[0]["VpcAttributes"]["PrivateIpAddress"]
        records[1]["VpcAttributes"] = {"VpcId": "vpc-another", "PrivateIpAddress": address}
        if rng.random() < NAMESAKES:
            records[1]["HostName"] = records[0]["HostName"]


def _tagged(rng: random.Random, records: list[dict[str, Any]]) -> None:
    """In a quarter of the seeds all instances but the last have a tag. Two or three of them have the same value."""
    if rng.random() < GROUPED:
        size = rng.choice((2, 3))
        for place, each in enumerate(records[:-1]):
            each["Tags"] = {"Tag": [{"TagKey": TAG, "TagValue": f"pair-{place // size}"}]}


def _protected(rng: random.Random, records: list[dict[str, Any]]) -> None:
    """Some instances have deletion protection from the beginning."""
    for each in records:
        if rng.random() < PROTECTED:
            each["DeletionProtection"] = True


def _guest(rng: random.Random) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if rng.random() < 0.3:
        facts["smc"] = {"fail_attempts": rng.choice((1, 1, 2)), "at": rng.choice(("Preparing", "Syncing", "Processing"))}
    if rng.random() < 0.3:
        facts["disks"] = [{}, {"size_gib": 20}]
    if rng.random() < 0.06:
        facts["free_mib"] = {"/": 50, "C:": 50}
    return facts


def _by_smc(rng: random.Random, guests: dict[str, Any], numbers: list[int]) -> None:
    """Sometimes the first job is a drill, or SMC puts the disks back by itself after a failed or cancelled job."""
    for number in numbers:
        more = {"drills": 1} if rng.random() < DRILLS else {}
        more |= {"puts_back": True} if rng.random() < PUTS_BACK else {}
        if more:
            facts = guests.setdefault(f"i-test{number:04d}", {})
            facts["smc"] = {**facts.get("smc", {}), **more}


def _batch(rng: random.Random, at: int, numbers: list[int], windows: set[int]) -> BatchPlan:
    chosen = sorted(rng.sample(numbers, rng.randint(1, len(numbers)))) if at else numbers
    policy: dict[str, Any] = {
        "retentionDays": rng.choice((1, 2)),
        "maxMoving": rng.choice((1, 2, 3, 6)),
        "failureBudget": rng.choice((0, 1, 3)),
    }
    if rng.random() < 0.2:
        policy["canary"] = 1
    if rng.random() < 0.12 and not windows & set(chosen):
        policy["driver"] = "console"
    if rng.random() < 0.15:
        opens = START + timedelta(minutes=rng.choice((-60, 20, 60)))
        closes = opens + timedelta(minutes=rng.choice((120, 240)))
        policy["window"] = {"start": f"{opens:%H:%M}", "end": f"{closes:%H:%M}", "cutoffMin": rng.choice((10, 60))}
    request: dict[str, Any] = {
        "instanceIds": [f"i-test{number:04d}" for number in chosen],
        "policy": policy,
        "clientToken": f"batch-{at}",
        "destinations": {f"i-test{number:04d}": "windows-2019-datacenter" for number in chosen if number in windows},
    }
    shares = random.Random(f"share:{sorted(policy.items())}:{chosen}:{at}")
    if shares.random() < 0.2:
        policy["failurePercent"] = shares.choice((0, 20, 50))
    if shares.random() < 0.25:
        policy["waves"] = shares.choice((["1"], ["1", "2"], ["50%"], ["1", "x2"]))
        policy |= shares.choice(({}, {"soakMin": 20}, {"gate": "approval"}))
    parts = random.Random(f"parts:{sorted(map(str, policy.items()))}:{chosen}:{at}")
    if parts.random() < 0.2:
        policy |= {parts.choice(("maxMovingPerRegion", "maxMovingPerWave")): parts.choice((1, 2))}
    if policy.get("waves") and policy["failureBudget"] and parts.random() < 0.5:
        policy["waveFailureBudget"] = parts.randrange(policy["failureBudget"])
    if rng.random() < 0.05:
        request["dryRun"] = True
    if rng.random() < CHECKED and not windows & set(chosen):
        policy["check"] = CHECK
    return BatchPlan(at * rng.choice((0, 5, 30)), request)


def _with_group(rng: random.Random, plan: BatchPlan, records: list[dict[str, Any]]) -> BatchPlan:
    """Add the group's tag to most batches, if there is a tag."""
    if not any("Tags" in each for each in records) or rng.random() < 0.2:
        return plan
    return replace(plan, request={**plan.request, "policy": {**plan.request["policy"], "group": {"tag": TAG}}})


def _with_times(rng: random.Random, plan: BatchPlan) -> BatchPlan:
    """Sometimes the window is one of two windows in different zones, or a blackout comes soon."""
    policy: dict[str, Any] = dict(plan.request["policy"])
    if "window" in policy and rng.random() < 0.5:
        shanghai = timedelta(hours=8)
        there = {name: f"{_clock(policy['window'][name]) + shanghai:%H:%M}" for name in ("start", "end")}
        night = {"start": "01:10", "lengthMin": 90, "zone": "Europe/London", "cutoffMin": 10}
        policy["windows"] = [{**policy.pop("window"), **there, "zone": "Asia/Shanghai"}, night]
    if rng.random() < BLACK:
        begins = START + timedelta(minutes=rng.choice((-30, 30, 90)))
        ends = begins + timedelta(minutes=rng.choice((60, 240)))
        times = {"from": f"{begins:%Y-%m-%dT%H:%MZ}", "to": f"{ends:%Y-%m-%dT%H:%MZ}"}
        policy["blackouts"] = [{**times, "reason": "change freeze", "cutoffMin": rng.choice((0, 30))}]
    return replace(plan, request={**plan.request, "policy": policy})


def _with_approvals(rng: random.Random, plan: BatchPlan) -> BatchPlan:
    """Sometimes the batch, its waves or its rollbacks need approvals."""
    if rng.random() >= APPROVED:
        return plan
    policy: dict[str, Any] = {**plan.request["policy"], "approverTrust": "claimed", "approvals": rng.choice((0, 1, 2))}
    policy |= {"approvalMin": rng.choice((30, 120, 1440)), "approvalExpiry": rng.choice(("hold", "hold", "cancel"))}
    policy |= {"rollbackApprovals": 1} if rng.random() < 0.3 else {}
    policy |= {"waveApprovals": rng.choice((1, 2))} if "waves" in policy and rng.random() < 0.5 else {}
    return replace(plan, request={**plan.request, "policy": policy})


def _with_commands(rng: random.Random, plan: BatchPlan) -> BatchPlan:
    """Sometimes the guests run a pre command and a post command. Either may fail."""
    if rng.random() >= COMMANDED:
        return plan
    rules = [
        {"pre": f"{rng.choice(('true', 'true', 'exit 4'))} {DRAIN}", "post": f"{rng.choice(('true', 'true', 'exit 5'))} {RESTORE}"}
    ]
    if rng.random() < 0.3:
        rules[0] |= {"instances": plan.request["instanceIds"][:1]}
    return replace(plan, request={**plan.request, "policy": {**plan.request["policy"], "commands": rules}})


def _with_unasked(rng: random.Random, plan: BatchPlan) -> BatchPlan:
    """Sometimes rollbacks are automatic, and the batch's own check passes only on the old system."""
    policy: dict[str, Any] = dict(plan.request["policy"])
    policy |= {"automaticRollback": True} if rng.random() < UNASKED else {}
    policy |= {"check": OLD_ONLY} if "check" in policy and rng.random() < 0.3 else {}
    return replace(plan, request={**plan.request, "policy": policy})


def _with_reminder(rng: random.Random, plan: BatchPlan) -> BatchPlan:
    """How many days a finished batch waits before a person is reminded to confirm it."""
    return replace(plan, request={**plan.request, "policy": {**plan.request["policy"], "confirmAfterDays": rng.choice((0, 1, 7))}})


def _with_order(rng: random.Random, plan: BatchPlan, records: list[dict[str, Any]]) -> BatchPlan:
    """Sometimes the instances start in an order, by name or by a tag."""
    if rng.random() >= ORDERED:
        return plan
    if rng.random() < 0.5:
        return by_turn(plan, records)
    return replace(plan, request={**plan.request, "policy": {**plan.request["policy"], "order": "name"}})


def by_turn(plan: BatchPlan, records: list[dict[str, Any]]) -> BatchPlan:
    """Order the batch by a tag with numbers, the last record first. The first record does not have the tag, so it comes last."""
    for place, each in enumerate(records[1:]):
        _add_tags(each, [{"TagKey": TURN, "TagValue": str(11 - place)}])
    return replace(plan, request={**plan.request, "policy": {**plan.request["policy"], "order": f"tag:{TURN}"}})


def _with_selection(rng: random.Random, plan: BatchPlan, at: int, records: list[dict[str, Any]]) -> BatchPlan:
    """Sometimes the batch selects without ids."""
    if plan.request["destinations"] or rng.random() >= SELECTED:
        return plan
    return rng.choice((by_tag, by_name, by_resource_group, by_vpc, by_pattern))(plan, at, records)


def by_tag(plan: BatchPlan, at: int, records: list[dict[str, Any]]) -> BatchPlan:
    """Select by a tag. The last record has the tag too; only an exclusion keeps it out."""
    mark, kept = {"TagKey": f"move-{at}", "TagValue": "yes"}, {"TagKey": "keep", "TagValue": "yes"}
    for each in records:
        more = [mark] if each["InstanceId"] in plan.request["instanceIds"] else [{**mark, "TagValue": "no"}]
        _add_tags(each, [mark, kept] if each is records[-1] else more)
    return _without_ids(plan, {"tags": [f"move-{at}=yes"], "exclude": {"tags": ["keep=yes"]}})


def by_name(plan: BatchPlan, at: int, records: list[dict[str, Any]]) -> BatchPlan:
    """Select instances by their names. One of them is excluded by its id."""
    chosen = [each for each in records if each["InstanceId"] in plan.request["instanceIds"]]
    names = [each["InstanceName"] for each in chosen] + [records[-1]["InstanceName"]]
    return _without_ids(plan, {"names": names, "exclude": {"instanceIds": [records[-1]["InstanceId"]]}})


def by_resource_group(plan: BatchPlan, at: int, records: list[dict[str, Any]]) -> BatchPlan:
    """Select every second instance by its resource group. The group of the last record is excluded."""
    for place, each in enumerate(records):
        each["ResourceGroupId"] = "rg-kept" if each is records[-1] else f"rg-{place % 2}"
    criteria = {"resourceGroupIds": [f"rg-{at % 2}", "rg-kept"], "exclude": {"resourceGroupIds": ["rg-kept"]}}
    return _without_ids(plan, {"releases": ["centos-7"], **criteria})


def by_vpc(plan: BatchPlan, at: int, records: list[dict[str, Any]]) -> BatchPlan:
    """Select in the same way by VPC. An instance that is already in a VPC stays there."""
    for place, each in enumerate(records):
        vpc = "vpc-kept" if each is records[-1] else f"vpc-{place % 2}"
        each["VpcAttributes"] = {"VpcId": vpc, **each["VpcAttributes"]}
    criteria = {"vpcIds": [f"vpc-{at % 2}", "vpc-kept"], "exclude": {"vpcIds": ["vpc-kept"]}}
    return _without_ids(plan, {"releases": ["centos-7"], **criteria})


def by_pattern(plan: BatchPlan, at: int, records: list[dict[str, Any]]) -> BatchPlan:
    """Select all names of a pattern, except the last one and those of a second pattern."""
    kept = [records[-1]["InstanceName"], f"*-{at + 2}"]
    return _without_ids(plan, {"releases": ["centos-7"], "names": ["web-*"], "exclude": {"names": kept}})


def _add_tags(record: dict[str, Any], tags: list[dict[str, str]]) -> None:
    old = [each for each in record.get("Tags", {}).get("Tag", []) if each["TagKey"] not in {new["TagKey"] for new in tags}]
    record["Tags"] = {"Tag": [*old, *tags]}


def _without_ids(plan: BatchPlan, criteria: dict[str, Any]) -> BatchPlan:
    request = {name: value for name, value in plan.request.items() if name not in ("instanceIds", "destinations")}
    return replace(plan, request={**request, **criteria})


def _clock(written: str) -> datetime:
    return datetime.combine(START.date(), time.fromisoformat(written))


def _rate(rng: random.Random, kind: str) -> float:
    level = rng.choice((0.3, 1.0, 2.0))
    base = {
        **dict.fromkeys(CALLS, 0.012),
        "denied": 0.016,
        "reset_denied": 0.25,
        **dict.fromkeys(CRASHES, 0.007),
        "interleave": 0.03,
        "slow": 0.0015,
        "shuffle": 0.2,
        "duplicate": 0.15,
        "lose": 0.08,
        "delay": 0.15,
        **dict.fromkeys(WORLD, 0.008),
        "index_lag": 0.05,
        "second_tick": 0.05,
        "early_sweep": 0.03,
        "snapshot_fails": 0.02,
        "snapshot_sticks": 0.08,
        "deployment": 0.01,
        "clock_jump": 0.004,
        "instance_released": 0.003,
        "clock_skew": 0.05,
        "person": 0.12,
    }[kind]
    return base * level
