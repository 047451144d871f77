"""Invariants 8 and 5 in the guests of the guest driver: a tool is started once, and leaves nothing behind.

Invariants 6 and 13 as well: a migration keeps the end of its tool's log, and its driver.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

from tests.simulation.invariants.scene import Checker, Found, Sight
from tests.simulation.records import MIGRATIONS, Columns, Migration, State
from tests.simulation.truth import Change, Effect, Happening, is_media_disk

RECORD, LOG, INSTALLED = "var/lib/replank-tool/", "var/log/yum.log", ".guest/installed/"
RECORD_OF_WINDOWS, LOG_OF_WINDOWS, FOLDER_OF_SETUP = "ProgramData/ReplankTool/run/", "Windows/setup-tool.log", "$WINDOWS.~BT/"
LEFTOVERS = (RECORD, INSTALLED, RECORD_OF_WINDOWS, FOLDER_OF_SETUP)
PREPARE, CHECK, START = "prepare", "check", "start"
FACTS, UNLICENSED = ".guest/tool", b"licence=no"
"""The file with a simulated guest's facts about tools, and the line that says that its licence is missing."""
AT_ONCE_MS = 60_000
LATE_MS = 20 * 60_000
"""How long after its step a command may still reach the guest."""
Run = tuple[str, int, int]


class ToolsOnce(Checker):
    """8. A tool is prepared and started once per attempt, only for its own migration, and never after one has ended there."""

    number, name = 8, "tools once"

    def __init__(self) -> None:
        self._begun: Counter[tuple[str, Run]] = Counter()

    def happened(self, happening: Happening, scene: Sight) -> Found:
        verb = happening.ids[0].rpartition(" ")[2] if happening.kind == "run" else ""
        if verb not in (PREPARE, START):
            return
        tree = scene.truth.system_disk(happening.instance_id)
        entry = tree.get(f"{RECORD}run") or tree.get(f"{RECORD_OF_WINDOWS}run") or (0, b"")
        run = run_of(entry[1].decode())
        migration = scene.truth.migrations.get(run[0])
        self._begun[verb, run] += 1
        if migration is None:
            yield f"a tool of no migration began to {verb} in {happening.instance_id}"
            return
        if self._begun[verb, run] > 1:
            yield f"the tool of {run} began to {verb} {self._begun[verb, run]} times"
        if migration.instance_id != happening.instance_id:
            yield f"the tool of {run} began to {verb} in {happening.instance_id}, which is another's"
        if verb == START:
            yield from self._start(migration, run, scene)

    @staticmethod
    def _start(migration: Migration, run: Run, scene: Sight) -> Found:
        if (migration.hop, migration.attempt) != run[1:]:
            yield f"the tool of {run} was started, and {migration.migration_id} is at hop {migration.hop}, try {migration.attempt}"
        if not _was_migrating(migration, scene):
            yield f"the tool of {run} was started while {migration.migration_id} was {migration.state.value}"


class ToolsMayRun(Checker):
    """8. A tool is not started without its licence. It does nothing in a guest in which somebody else's tool runs."""

    number, name = 8, "tools may run"

    def happened(self, happening: Happening, scene: Sight) -> Found:
        verb = happening.ids[0].rpartition(" ")[2] if happening.kind == "run" else ""
        if verb not in (PREPARE, CHECK, START):
            return
        tree, id = scene.truth.system_disk(happening.instance_id), happening.instance_id
        if verb == START and UNLICENSED in tree.get(FACTS, (0, b""))[1].splitlines():
            yield f"the tool of {id} was started without its licence"
        since_ms, boots = scene.strangers.get(id, (scene.truth.ecs.now, 0))
        instance = scene.truth.ecs.store.get("instance", id)
        # A tool that has begun in the last seconds could not be seen by the command that started ours.
        if instance["sim"]["boots"] == boots and scene.truth.ecs.now - since_ms > AT_ONCE_MS:
            yield f"the tool of {id} began to {verb} beside somebody else's"


class LeavesNothing(Checker):
    """5. What a tool installed is removed before the next attempt and at the end, by the driver or by the rollback."""

    number, name = 5, "tools leave nothing"

    def happened(self, happening: Happening, scene: Sight) -> Found:
        if happening.kind != "run" or happening.ids[0].rpartition(" ")[2] != START:
            return
        tree = scene.truth.system_disk(happening.instance_id)
        log = (tree.get(LOG) or tree.get(LOG_OF_WINDOWS) or (0, b""))[1].decode().splitlines()
        for name in sorted({line.partition(": ")[2] for line in log}):
            done = [line.partition(": ")[0] for line in log if line.endswith(f": {name}")]
            if any(pair in (("Installed", "Installed"), ("Added", "Added")) for pair in pairwise(done)):
                yield f"{happening.instance_id} still had {name} of an earlier try when it was installed again"

    def rest(self, scene: Sight) -> Found:
        for instance_id in {each.instance_id for each in scene.truth.migrations.values()} - scene.released:
            own = [each for each in scene.truth.of_instance(instance_id) if each.driver == "guest"]
            left = sorted(path for path in scene.truth.system_disk(instance_id) if path.startswith(LEFTOVERS))
            if own and left and all(_is_cleaned(each) for each in own):
                yield f"{instance_id} still has {', '.join(left[:3])} of the guest driver"


class MediaDisksGo(Checker):
    """5. No media disk of the product is left at the end, attached or not, nor while persons leave a run undecided that is over. No
    other disk is detached or deleted.
    """

    number, name = 5, "media disks go"

    def effect(self, effect: Effect, scene: Sight) -> Found:
        if effect.ours and effect.operation in ("DetachDisk", "DeleteDisk"):
            if effect.before is not None and not is_media_disk(effect.before):
                yield f"{effect.operation} of {effect.params['DiskId']}, which is no media disk of the product"
            yield from self._too_early(effect, scene)

    @staticmethod
    def _too_early(effect: Effect, scene: Sight) -> Found:
        """The disk of a run may go as soon as Setup has made its first restart, or has failed."""
        migration = scene.truth.migrations.get(_migration_of_disk(effect.before)) if effect.before else None
        if migration is None or migration.state is not State.MIGRATING or not effect.before:
            return
        phase = scene.truth.system_disk(migration.instance_id).get(f"{RECORD_OF_WINDOWS}phase", (0, b""))[1].decode().strip()
        own = effect.before["DiskName"].endswith(f"-{migration.hop}-{migration.attempt}")
        guest = scene.truth.ecs.instance(migration.instance_id)["sim"]
        unit = guest.get("unit")
        if own and phase == "running" and unit and unit["boot"] == guest["boots"]:  # a restart by a person ends Setup
            yield f"{effect.operation} of {effect.params['DiskId']} while Setup of {migration.migration_id} reads it"

    def forgotten(self, scene: Sight) -> Found:
        for disk in scene.truth.ecs.store.find("disk", {}):
            migration = scene.truth.migrations.get(_migration_of_disk(disk))
            if is_media_disk(disk) and (migration is None or migration.state not in (State.SNAPSHOTTED, State.MIGRATING)):
                state = migration.state.value if migration else "gone"
                yield f"{disk['DiskId']} ({disk['DiskName']}) is still {disk['Status']}, and its migration is {state} for days"

    def rest(self, scene: Sight) -> Found:
        for disk in scene.truth.ecs.store.find("disk", {}):
            if is_media_disk(disk):
                yield f"{disk['DiskId']} ({disk['DiskName']}) is left, {disk['Status']}"


def _migration_of_disk(disk: dict[str, Any]) -> str:
    """The migration that the tag of a disk names; empty if there is no such tag."""
    return next((str(tag["TagValue"]) for tag in disk["Tags"]["Tag"] if tag["TagKey"] == "replank:migration"), "")


class LogKept(Checker):
    """6. The end of a tool's log stays with its migration, also through a rollback, which takes the tool's own log away."""

    number, name = 6, "tools' logs kept"

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table == MIGRATIONS and _field(change.before, "tool_log") and not _field(change.after, "tool_log"):
            yield f"{change.key[0]} has lost the log of its tool"


class DriverStays(Checker):
    """13. The driver that a precheck chose is the migration's for good: no act and no retry was for another one."""

    number, name = 13, "drivers stay"

    def row(self, change: Change, scene: Sight) -> Found:
        if change.table != MIGRATIONS:
            return
        before, after = (_field(each, "driver", "smc") for each in (change.before, change.after))
        if before and after and before not in ("auto", after):
            yield f"{change.key[0]} went from the driver {before} to {after}"


def _field(row: Columns | None, name: str, default: str | None = None) -> Any:
    """A field of a migration's document, or its default, which no document has; None if there is no row."""
    return json.loads(row["doc"]).get(name, default) if row and "doc" in row else None


def _is_cleaned(migration: Migration) -> bool:
    """Whether nothing of the tool may be left: the migration is over, and nobody has accepted its failure as it is.

    The snapshots of a further attempt contain what the attempt before had installed. It is removed only after a person has accepted
    the rollback.
    """
    if migration.state is State.ROLLED_BACK:
        return migration.attempt == 1 or migration.released_at is not None
    return migration.state in (State.COMPLETED, State.CANCELLED, State.PRECHECK_FAILED)


def _was_migrating(migration: Migration, scene: Sight) -> bool:
    """Whether the migration is running, or was running when the command was sent."""
    past, now = scene.truth.past[migration.migration_id], scene.truth.cloud.clock.now_ms()
    ended = [after[1] for before, after in pairwise(past) if before[2] is State.MIGRATING]
    return past[-1][2] is State.MIGRATING or any(now - at < LATE_MS for at in ended[-1:])


def run_of(text: str) -> Run:
    """The run that a guest's record belongs to: ``rp-<migration>-<hop>-<attempt>``."""
    parts = text.strip().split("-")
    return (parts[1], int(parts[2]), int(parts[3])) if len(parts) == 4 else ("", 0, 0)
