"""Invariant 13 again: the batch's commands in its guests, before and after a move."""

from __future__ import annotations

from collections import defaultdict

from tests.simulation import records
from tests.simulation.acts import decoded
from tests.simulation.invariants.scene import Checker, Found, Sight, entered
from tests.simulation.policies import Rule
from tests.simulation.records import Migration, State
from tests.simulation.scenario import DRAIN, RESTORE
from tests.simulation.truth import Change, Effect

TOLD = ("the post command failed", "there is no post command")
"""The journal's words if the post command did not run: a person is then informed."""


class OwnCommands(Checker):
    """13. A guest is drained before its snapshots, once per attempt and only after the acknowledgement. At the end the guest
    is restored, or the journal says that it was not.
    """

    number, name = 13, "own commands"

    def __init__(self) -> None:
        self._runs: dict[tuple[str, int], set[str]] = defaultdict(set)
        """By migration and attempt: the pre commands that ran."""
        self._last: dict[str, str] = {}
        """By migration: the last command that was sent."""
        self._drained: dict[str, str] = {}
        """By instance: the last migration that drained it."""

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if not effect.ours or effect.operation != "RunCommand":
            return
        script = decoded(effect.params.get("CommandContent", ""))
        for instance_id in effect.params["InstanceId"]:
            yield from _as_ruled(instance_id, script, effect, scene)
            if DRAIN in script:
                yield from self._drain(instance_id, effect.answer["InvokeId"], scene)
            elif RESTORE in script:
                id = self._drained.get(instance_id, "")
                self._last[id] = RESTORE
                if not id and not _tried_to_drain(instance_id, scene):
                    yield f"{instance_id} was restored, and nobody had drained it"

    def _drain(self, instance_id: str, invoke_id: str, scene: Sight) -> Found:
        # A person may cancel the migration between the step and its call. The post command then follows the late call.
        found = [
            each
            for each in scene.truth.of_instance(instance_id)
            if State.SNAPSHOTTING in scene.truth.states_since(each.migration_id, scene.began)
        ]
        for migration in found:
            key = (migration.migration_id, migration.attempt)
            self._runs[key].add(invoke_id)
            self._last[migration.migration_id] = DRAIN
            self._drained[instance_id] = migration.migration_id
            if scene.batch(migration).acknowledgement is None:
                yield f"{instance_id} was drained, and nobody has acknowledged {migration.batch_id}"
            if len(self._runs[key]) > 1:
                yield f"{instance_id} was drained {len(self._runs[key])} times in one try"
        if not found:
            yield f"{instance_id} was drained, and no migration of it is before its snapshots"

    def row(self, change: Change, scene: Sight) -> Found:
        entry = entered(change, scene.truth)
        if entry is None:
            return
        before, migration = entry
        last = self._last.get(migration.migration_id, "")
        first = migration.hop == 0 and before is State.SNAPSHOTTING
        if migration.state is State.SNAPSHOTTED and first and _is_commanded(migration, scene) and last != DRAIN:
            yield f"{migration.migration_id} is snapshotted, and its guest was not drained before"
        if migration.state is State.MIGRATED and last == DRAIN:
            yield f"{migration.migration_id} is called migrated, and its guest was not restored"

    def rest(self, scene: Sight) -> Found:
        for id, last in self._last.items():
            lines = records.lines(scene.truth.rows[id]) if id in scene.truth.rows else []
            if last == DRAIN and not any(each.reason.startswith(TOLD) for each in lines):
                yield f"{id} has ended, and its guest is still drained"


def _tried_to_drain(instance_id: str, scene: Sight) -> bool:
    """Whether a migration was admitted. Its pre command follows in a call that may be lost or refused, so the post command is
    sent in doubt.
    """
    rows = [scene.truth.rows[each.migration_id] for each in scene.truth.of_instance(instance_id)]
    return any(line.to_state is State.SNAPSHOTTING for row in rows for line in records.lines(row))


def _is_commanded(migration: Migration, scene: Sight) -> bool:
    return any(rule.pre for rule in _rules(migration, scene))


def _rules(migration: Migration, scene: Sight) -> list[Rule]:
    """The rule of the migration's instance, if one applies."""
    tags = scene.tags.get(migration.instance_id, {})
    return [rule for rule in [scene.batch(migration).policy.rule(migration.instance_id, tags)] if rule is not None]


def _as_ruled(instance_id: str, script: str, effect: Effect, scene: Sight) -> Found:
    """Check that a rule of one of the instance's batches has this command, with this time limit."""
    mark = next((each for each in (DRAIN, RESTORE) if each in script), "")
    if not mark:
        return
    ruled = [rule for each in scene.truth.of_instance(instance_id) for rule in _rules(each, scene)]
    limits = {rule.pre_timeout_s if mark == DRAIN else rule.post_timeout_s for rule in ruled if mark in (rule.pre + rule.post)}
    if not limits:
        yield f"{mark!r} ran in {instance_id}, to which no rule of a batch applies"
    elif int(effect.params["Timeout"]) not in limits:
        yield f"{mark!r} may take {effect.params['Timeout']} seconds in {instance_id}, the rule says {sorted(limits)}"
