"""Every field of a batch's policy: where the simulation draws it, which checker judges it, and which bugs prove the checker.

``python -m tests.simulation.fields`` prints the table of docs/reliability.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulation import choices, scenario
from tests.simulation.invariants import Checker
from tests.simulation.invariants.asked import ComparedAsAsked, OnlyAllowedWays, RemindedInTime, WavesAsAsked
from tests.simulation.invariants.commands import OwnCommands
from tests.simulation.invariants.grouped import OneOfAGroup
from tests.simulation.invariants.limits import LimitsHeld
from tests.simulation.invariants.meant import AsMeant
from tests.simulation.invariants.ordered import InOrder
from tests.simulation.invariants.parts import PartsLimited
from tests.simulation.invariants.rollbacks import RollbacksAllowed
from tests.simulation.invariants.snapshots import DeleteOnlyOurs
from tests.simulation.invariants.starts import EveryStart


@dataclass(frozen=True)
class Judged:
    """How the simulation tests one field. Without a checker, ``reason`` says why nothing can be judged."""

    drawn: Callable[..., Any]
    """The function that draws values for the field."""
    checker: type[Checker] | None = None
    mutants: tuple[str, ...] = ()
    reason: str = ""


FIELDS: Mapping[str, Judged] = {
    "driver": Judged(scenario._batch, OnlyAllowedWays, ("every batch is moved by SMC",)),
    "maxMoving": Judged(scenario._batch, LimitsHeld, ("the wave has no size",)),
    "maxMovingPerRegion": Judged(scenario._batch, PartsLimited, ("the limit of a region is ignored",)),
    "maxMovingPerWave": Judged(scenario._batch, PartsLimited, ("the limit of a wave is ignored",)),
    "failureBudget": Judged(scenario._batch, LimitsHeld, ("failures are not counted", "counting a failure does nothing")),
    "failurePercent": Judged(scenario._batch, LimitsHeld, ("the share of failures that the policy gives is ignored",)),
    "waveFailureBudget": Judged(scenario._batch, EveryStart, ("the failure budget of a wave is ignored",)),
    "canary": Judged(scenario._batch, LimitsHeld, ("the canary is ignored",)),
    "waves": Judged(scenario._batch, WavesAsAsked, ("every wave is one instance too large",)),
    "order": Judged(scenario._with_order, InOrder, ("the order of a batch is ignored",)),
    "soakMin": Judged(scenario._batch, EveryStart, ("a wave does not soak",)),
    "gate": Judged(scenario._batch, EveryStart, ("a wave waits for no person",)),
    "retentionDays": Judged(scenario._batch, DeleteOnlyOurs, ("the sweep forgets the retention",)),
    "confirmAfterDays": Judged(scenario._with_reminder, RemindedInTime, ("a reminder comes at once",)),
    "window": Judged(scenario._batch, LimitsHeld, ("the maintenance window is ignored",)),
    "allowEndOfLife": Judged(choices._far, OnlyAllowedWays, ("a destination past its support needs no permission",)),
    "allowListed": Judged(choices._far, OnlyAllowedWays, ("a path on request needs no permission",)),
    "overrides": Judged(choices.with_choices, OnlyAllowedWays, ("a finding needs no override",)),
    "files": Judged(choices._files, ComparedAsAsked, ("a changed file of the policy is overlooked",)),
    "check": Judged(scenario._with_unasked, ComparedAsAsked, ("a failed check of the policy is overlooked",)),
    "zone": Judged(choices._zone, LimitsHeld, ("the zone of the policy is ignored",)),
    "windows": Judged(scenario._with_times, LimitsHeld, ("the zone of a window is ignored",)),
    "blackouts": Judged(scenario._with_times, EveryStart, ("a blackout is ignored",)),
    "approvals": Judged(scenario._with_approvals, EveryStart, ("a start waits for no approval",)),
    "waveApprovals": Judged(scenario._with_approvals, EveryStart, ("a wave waits for no approval",)),
    "rollbackApprovals": Judged(scenario._with_approvals, RollbacksAllowed, ("a rollback waits for no approval",)),
    "automaticRollback": Judged(
        scenario._with_unasked, RollbacksAllowed, ("a failed validation is rolled back, though nobody has allowed it",)
    ),
    "approverRole": Judged(choices._approvers, EveryStart, ("a person of another role approves",)),
    "approverTrust": Judged(scenario._with_approvals, EveryStart, ("a name that nobody has verified approves",)),
    "approvalMin": Judged(scenario._with_approvals, EveryStart, ("an approval never expires",)),
    "approvalExpiry": Judged(scenario._with_approvals, AsMeant, ("an expired approval always stops the batch",)),
    "commands": Judged(scenario._with_commands, OwnCommands, ("the pre command is left out",)),
    "group": Judged(scenario._with_group, OneOfAGroup, ("redundancy groups are ignored",)),
    "window.start": Judged(scenario._batch, LimitsHeld, ("the start of a window is ignored",)),
    "window.end": Judged(scenario._batch, LimitsHeld, ("the end of a window is ignored",)),
    "window.days": Judged(choices._zone, LimitsHeld, ("the days of a window are ignored",)),
    "window.utcOffsetMin": Judged(choices._zone, LimitsHeld, ("the offset of a window is ignored",)),
    "window.cutoffMin": Judged(scenario._batch, LimitsHeld, ("the cutoff of a window is ignored",)),
    "window.zone": Judged(scenario._with_times, LimitsHeld, ("the zone of a window is ignored",)),
    "window.lengthMin": Judged(scenario._with_times, LimitsHeld, ("the length of a window is ignored",)),
    "blackouts.from": Judged(scenario._with_times, EveryStart, ("a blackout is ignored",)),
    "blackouts.to": Judged(scenario._with_times, EveryStart, ("a blackout is ignored",)),
    "blackouts.reason": Judged(
        scenario._with_times, reason="a text for people who wait: it changes no act (tests/unit/domain/test_times.py)"
    ),
    "blackouts.cutoffMin": Judged(scenario._with_times, EveryStart, ("a blackout begins without its cutoff",)),
    "commands.instances": Judged(scenario._with_commands, OwnCommands, ("a rule ignores the instances that it names",)),
    "commands.tag": Judged(choices._rules, OwnCommands, ("a rule ignores the tag that it names",)),
    "commands.pre": Judged(scenario._with_commands, OwnCommands, ("the pre command is left out",)),
    "commands.post": Judged(
        scenario._with_commands,
        OwnCommands,
        ("the post command is left out after the validation", "nothing undoes the pre command of a migration that does not move"),
    ),
    "commands.preTimeoutSec": Judged(choices._rules, OwnCommands, ("the time limit of a pre command is ignored",)),
    "commands.postTimeoutSec": Judged(choices._rules, OwnCommands, ("the time limit of a post command is ignored",)),
    "commands.check": Judged(choices._rules, ComparedAsAsked, ("the check of a rule is ignored",)),
    "commands.files": Judged(choices._rules, ComparedAsAsked, ("the files of a rule are ignored",)),
    "group.tag": Judged(scenario._with_group, OneOfAGroup, ("redundancy groups are ignored",)),
}
"""By the field's name in the API. A field of a window counts for all windows."""


def drawn_values(seeds: range) -> dict[str, set[str]]:
    """The values, as text, that the scenarios of these seeds have for each field of the policy."""
    found: dict[str, set[str]] = {}
    for seed in seeds:
        for plan in scenario.draw(seed).batches:
            for name, value in _fields_of(plan.request["policy"]):
                found.setdefault(name, set()).add(repr(value))
    return found


_NESTED = {"window": "window", "windows": "window", "blackouts": "blackouts", "commands": "commands", "group": "group"}
"""Fields that have fields of their own, with the prefix of the latter."""


def _fields_of(policy: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in policy.items():
        yield name, value
        if name in _NESTED:
            for each in value if isinstance(value, list) else [value]:
                yield from ((f"{_NESTED[name]}.{part}", own) for part, own in each.items())


def page() -> str:
    """The table as the page shows it."""
    rows = ["| field | drawn by | judged by | proved by |", "|---|---|---|---|"]
    for name, each in FIELDS.items():
        by = f"`{each.drawn.__module__.rpartition('.')[2]}.{each.drawn.__name__.lstrip('_')}`"
        judge = f"{each.checker.number} {each.checker.name}" if each.checker else "nobody"
        rows.append(f"| `{name}` | {by} | {judge} | {'; '.join(each.mutants) or each.reason} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(page())
