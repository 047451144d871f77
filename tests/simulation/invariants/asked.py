"""Invariant 15: what the policy in force asks for is what happens, beyond the limits of starts (invariants 7 and 11)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from tests.simulation import records
from tests.simulation.invariants.scene import Checker, Found, Sight, entered
from tests.simulation.records import BATCHES, TERMINAL, Migration, State
from tests.simulation.truth import Change

OLD = "CentOS"
"""The word in /etc/os-release for which the check ``OLD_ONLY`` looks."""
OS_RELEASE = "etc/os-release"
PAST_SUPPORT = ("alinux-2", "rhel-7", "windows-2012r2")
"""Destinations of the simulated fleets whose support ended before 2026-11-23, the first day of every run (docs/reference.md)."""
LISTED = (("CentOS", "rhel-"),)
"""By the system's name and the destination: paths that SMC opens on request only."""
REMINDER = "confirmation: "


class ComparedAsAsked(Checker):
    """15. No migration is called migrated if a file that its policy names has changed, or its policy's check fails only now.

    The disks themselves show the files. Of the checks, only ``OLD_ONLY`` can fail: its answer is in a file.
    """

    number, name = 15, "compared as asked"

    def __init__(self) -> None:
        self._before: dict[str, dict[str, bytes]] = {}
        """By migration: the files and the system's name when its precheck last read them, before the first job."""

    def row(self, change: Change, scene: Sight) -> Found:
        entry = entered(change, scene.truth)
        if entry is None:
            return
        migration = entry[1]
        if migration.state is State.READY and migration.hop == 0 and migration.handle.started_at is None:
            self._before[migration.migration_id] = _content(migration, _files(migration, scene), scene)
        if migration.state is State.MIGRATED:
            yield from self._judge(migration, scene)

    def _judge(self, migration: Migration, scene: Sight) -> Found:
        files, check = _files(migration, scene), _check(migration, scene)
        before, now = self._before.get(migration.migration_id, {}), _content(migration, files, scene)
        for path in files:
            name = path.lstrip("/")
            if name in before and before[name] != now.get(name):
                yield f"{migration.migration_id} is called migrated, and {path} has changed"
        was, is_now = (OLD.encode() in each.get(OS_RELEASE, b"") for each in (before, now))
        if f"grep -q {OLD}" in check and was and not is_now and now:
            yield f"{migration.migration_id} is called migrated, and its check {check!r} fails now"


def _content(migration: Migration, files: Sequence[str], scene: Sight) -> dict[str, bytes]:
    """The named files of the system disk, and the file with the system's name; empty if the instance is gone."""
    tree = scene.truth.system_disk(migration.instance_id)
    names = {OS_RELEASE, *(each.lstrip("/") for each in files)}
    return {name: tree[name][1] for name in names if name in tree}


def _files(migration: Migration, scene: Sight) -> tuple[str, ...]:
    policy = scene.batch(migration).policy
    rule = policy.rule(migration.instance_id, scene.tags.get(migration.instance_id, {}))
    return policy.files if rule is None or rule.files is None else rule.files


def _check(migration: Migration, scene: Sight) -> str:
    policy = scene.batch(migration).policy
    rule = policy.rule(migration.instance_id, scene.tags.get(migration.instance_id, {}))
    return policy.check if rule is None or rule.check is None else rule.check


class OnlyAllowedWays(Checker):
    """15. No instance begins to move on a way, or with a finding, that its policy does not allow."""

    number, name = 15, "only allowed ways"

    def row(self, change: Change, scene: Sight) -> Found:
        entry = entered(change, scene.truth)
        if entry is None or entry[1].state is not State.SNAPSHOTTING or entry[1].hop:
            return
        migration, policy = entry[1], scene.batch(entry[1]).policy
        id, system = migration.migration_id, scene.systems.get(migration.instance_id, "")
        if policy.driver not in ("auto", migration.driver):
            yield f"{id} began to move by {migration.driver}, and its policy says {policy.driver}"
        if migration.destination.startswith(PAST_SUPPORT) and not policy.allow_end_of_life:
            yield f"{id} began to move to {migration.destination}, whose support has ended, and its policy does not allow that"
        listed = any(system.startswith(name) and migration.destination.startswith(goal) for name, goal in LISTED)
        if listed and not policy.allow_listed and migration.driver != "guest":
            yield f"{id} began to move to {migration.destination}, on a path on request, which its policy does not allow"
        if migration.instance_id in scene.spots and SPOT not in policy.overrides:
            yield f"{id} began to move a spot instance, and its policy does not accept that"


SPOT = "Instance.Spot"
"""The overridable finding of a spot instance."""


class WavesAsAsked(Checker):
    """15. The acknowledgement cuts waves of the sizes that the policy names.

    What was refused until then moves with the last wave. An index may not show the latest refusals yet.
    """

    number, name = 15, "waves as asked"

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table != BATCHES or change.after is None or change.before is None:
            return
        cut = records.waves(change.after)
        if not cut or cut == records.waves(change.before):
            return
        sizes, policy = [len(each) for each in cut], scene.truth.batches[change.key[0]].policy
        late = sum(scene.truth.migrations[id].state in TERMINAL for id in cut[-1])
        allowed = [sizes_of(policy.waves, sum(sizes), refused) for refused in range(late + 1)] if policy.waves else [sizes]
        if sizes not in allowed:
            asked = ", ".join(policy.waves)
            yield f"the waves of {change.key[0]} have the sizes {sizes}, and its policy asks for {asked} of {sum(sizes)}"


def sizes_of(waves: Sequence[str], members: int, refused: int) -> list[int]:
    """The sizes of the waves of this many instances: numbers, shares rounded up, or a factor for all later waves.

    Those that were refused are in the last wave, whatever its size.
    """
    total = members - refused
    found: list[int] = []
    while sum(found) < total:
        written = waves[min(len(found), len(waves) - 1)]
        if written.startswith("x"):
            size = found[-1] * int(written[1:])
        elif written.endswith("%"):
            size = (total * int(written[:-1]) + 99) // 100
        else:
            size = int(written)
        found.append(size)
    if not found:
        return [refused]
    found[-1] += members - sum(found)
    return found


class RemindedInTime(Checker):
    """15. A person is reminded to confirm a batch only after the days of clean validation that its policy names."""

    number, name = 15, "reminded in time"

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table != BATCHES or change.after is None or change.before is None:
            return
        if set(_reminders(change.after)) <= set(_reminders(change.before)):
            return
        days, truth = scene.truth.batches[change.key[0]].policy.confirm_after_days, scene.truth
        latest = truth.cloud.clock.now_ms() + scene.skew_ms - timedelta(days=days) // timedelta(milliseconds=1)
        for migration in truth.migrations.values():
            since = truth.past[migration.migration_id][-1][1]
            if (migration.batch_id, migration.state) == (change.key[0], State.MIGRATED) and since > latest:
                yield f"{change.key[0]} is called ready to confirm before {migration.migration_id} was migrated for {days} days"


def _reminders(row: records.Columns) -> list[str]:
    return [each for each in json.loads(row.get(records.CONTROLS[0], "{}")).get("asked", []) if each.startswith(REMINDER)]
