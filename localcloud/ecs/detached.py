"""Background units in a guest: scripts that run apart from any command (systemd-run), and what upgrade tools leave for the next
start.

A unit's script really runs to its end as soon as the unit begins. The changes that it makes between two of its sleeps appear in the
guest's disks later, when the cloud's time reaches that moment. So a unit can be observed while it runs, and a stop in the middle
leaves the disks as they were at that moment. Only changed files are written, so the changes of others are kept.

A guest with the file ``.guest/next-boot`` does not start as usual. The upgrades of leapp and of Windows Setup run between two
restarts, in a system of their own without an agent, and replace the release. ``.guest/tool`` says how tools fail (facts: ``files``
of the system disk).
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from localcloud.core.scheduler import Job
from localcloud.ecs.guest import machine, upgrade
from localcloud.ecs.guest.ahead import Start
from localcloud.ecs.guest.blob import Tree, files, pack, unpack
from localcloud.ecs.guest_runs import GuestRuns
from localcloud.ecs.power import Power
from localcloud.ecs.store import Doc
from localcloud.ecs.world import DAY, MINUTE, SECOND, EcsWorld

RUN, STEP, UPGRADE = "ecs.unit_run", "ecs.unit_step", "ecs.boot_upgrade"
NEXT_BOOT, TOOL = ".guest/next-boot", ".guest/tool"
RESUME = "etc/systemd/system/leapp_resume.service"
PROCESSES = ".guest/pid/"
WINDOWS_OLD, DIAGNOSIS = "Windows.old/win.ini", "Windows/Logs/SetupDiag/SetupDiagResults.xml"
_DIAGNOSED = (
    '<?xml version="1.0" encoding="utf-16"?>\n<SetupDiag><ProfileName>HardblockDeviceOrDriver</ProfileName>'
    "<FailureData>A driver of the guest</FailureData><FailureDetails>A driver of the guest</FailureDetails></SetupDiag>\n"
)
"""What SetupDiag leaves after Windows Setup has put the old system back (its published fields, in words of our own)."""
_LIMIT_S = 24 * 3600
Change = dict[str, dict[str, list[Any] | None]]
"""By mount point and path: the mode and content of a file, or None for a deleted file."""


@dataclass
class _Recorder:
    """Records what a unit does and when. The script runs ahead of the cloud's time."""

    trees: dict[str, Tree]
    folder: Any
    steps: list[tuple[int, Change, str]] = field(default_factory=list)

    def note(self, at_s: float, action: str = "") -> None:
        """Record the changes since the last call, and an action."""
        self.keep(at_s, self.folder.changes(), action)

    def keep(self, at_s: float, trees: dict[str, Tree], action: str) -> None:
        """Record changes that were already determined."""
        changed = {mount: self._difference(mount, tree) for mount, tree in trees.items()}
        if changed or action:
            self.steps.append((round(at_s * SECOND), changed, action))

    def _difference(self, mount: str, tree: Tree) -> dict[str, list[Any] | None]:
        old, self.trees[mount] = self.trees[mount], tree
        gone: dict[str, list[Any] | None] = {path: None for path in old if path not in tree}
        new = {
            path: [mode, base64.b64encode(body).decode()] for path, (mode, body) in tree.items() if old.get(path) != (mode, body)
        }
        return {**gone, **new}


class Detached:
    """The units of the guests, at most one at a time per guest, and the upgrade system that runs between two restarts."""

    def __init__(self, world: EcsWorld, runs: GuestRuns, power: Power) -> None:
        self.world, self.runs, self.power = world, runs, power
        world.cloud.scheduler.on(RUN, lambda payload: None)
        world.cloud.scheduler.on(STEP, self._step)
        world.cloud.scheduler.on(UPGRADE, self._upgrade)
        world.cloud.outside[RUN] = self._run
        runs.host = self._answer
        power.booted = self._booted

    def _answer(self, instance_id: str, verb: str, words: list[str]) -> str:
        """The answer to a guest's question: whether a unit is running, or that one has begun."""
        instance = self.world.instance(instance_id)
        unit = self._unit(instance)
        if verb == "unit-active":
            return "active" if unit and unit["name"] == words[0] else "inactive"
        if verb == "unit-failed":
            return "failed" if self._is_failed(instance, words[0]) else "inactive"
        if verb == "unit-start" and len(words) > 1:
            if unit:
                return "error the unit is there already"
            self._begin(instance, words[0], " ".join(words[1:]))
            return "ok"
        return "error not understood"

    def _unit(self, instance: Doc) -> Doc | None:
        """The running unit. None if an earlier start of the instance ended it."""
        unit: Doc | None = instance["sim"].get("unit")
        return unit if unit and unit["boot"] == instance["sim"]["boots"] and instance["Status"] == "Running" else None

    def _is_failed(self, instance: Doc, name: str) -> bool:
        """Whether the unit last ended with an error in the present start of the instance. systemd forgets it at a restart."""
        return bool(instance["sim"].get("failed", {}).get(name) == instance["sim"]["boots"])

    def kill(self, instance: Doc) -> str:
        """End the running unit as ``kill -9`` does: its changes stay, and it counts as failed. Returns its name; empty if none."""
        unit = self._unit(instance)
        if unit is None:
            return ""
        self._end(instance, failed=True)
        disk, tree = self._system_tree(instance["InstanceId"])
        if disk is not None:
            self._keep(disk, {path: entry for path, entry in tree.items() if not path.startswith(PROCESSES)})
        return str(unit["name"])

    def _end(self, instance: Doc, *, failed: bool) -> None:
        sim = instance["sim"]
        if failed:
            sim["failed"] = {**sim.get("failed", {}), sim["unit"]["name"]: sim["boots"]}
        sim["unit"] = None
        self.world.store.put("instance", instance["InstanceId"], instance)

    def _begin(self, instance: Doc, name: str, command: str) -> None:
        number = instance["sim"].get("units", 0) + 1
        instance["sim"].get("failed", {}).pop(name, None)
        instance["sim"] |= {"units": number, "unit": {"name": name, "boot": instance["sim"]["boots"], "number": number}}
        self.world.store.put("instance", instance["InstanceId"], instance)
        payload = {"instance": instance["InstanceId"], "command": command, "number": number}
        self.world.cloud.scheduler.at(self.world.now + 3 * SECOND, RUN, payload, key=instance["InstanceId"])

    def _current(self, payload: dict[str, Any]) -> Doc | None:
        """The instance, if the unit of a job is still running in it."""
        instance = self.world.store.get("instance", payload["instance"])
        unit = self._unit(instance) if instance else None
        return instance if unit and unit["number"] == payload["number"] else None

    def _run(self, job: Job) -> None:
        payload, cloud = job.payload, self.world.cloud
        with cloud.lock, cloud.db.transaction():
            instance = self._current(payload)
            if instance is None:
                return
            layout = self.runs.layout(payload["instance"])
            start = self.runs.start(instance, layout, "", self.world.now)
            trees = {mount: unpack(cloud.db.blob(digest)) for mount, digest in layout}
            folder = self.runs.folders.take(layout, cloud.db.blob)
            folder.volatile(*start.boot)
        recorder = _Recorder(trees, folder)
        try:
            self._execute(payload["command"], folder, start, recorder)
        finally:
            self.runs.folders.discard(folder)
        with cloud.lock, cloud.db.transaction():
            self._schedule(payload, recorder)

    def _execute(self, command: str, folder: Any, start: Start, recorder: _Recorder) -> None:
        """Run the unit's command to its end. Its sleeps are recorded, not waited for. A unit of Windows is a scheduled task."""
        slept = 0.0

        def pause(slept_s: float) -> None:
            nonlocal slept
            slept = slept_s
            recorder.note(slept)

        def ask(line: str) -> str:
            verb = line.partition(" ")[0]
            if verb in ("unit-active", "unit-failed"):
                return "inactive"
            if verb not in ("reboot", "replace"):
                return "error not understood"
            recorder.note(slept, line)
            return "ok"

        guest = machine.Machine(folder, self.runs.folders.commands, start.windows, start.now_s)
        script = f"$ReplankTask = '{command}'\n" if start.windows else f"exec {command}\n"
        done = machine.run(guest, script, timeout_s=_LIMIT_S, ask=ask, pause=pause)
        recorder.keep(done.slept_s, done.changed, f"end {done.exit_code}")

    def _schedule(self, payload: dict[str, Any], recorder: _Recorder) -> None:
        steps = []
        for at_ms, change, action in recorder.steps:
            body = json.dumps(change).encode()
            digest = hashlib.sha256(body).hexdigest()
            self.world.cloud.db.put_blob(digest, body)
            steps.append([self.world.now + at_ms, digest, action])
        self._schedule_next(payload, steps)

    def _schedule_next(self, payload: dict[str, Any], steps: list[list[Any]]) -> None:
        """Schedule the first of these steps. It schedules the next one, because after a jump of the clock several jobs are overdue,
        and overdue jobs may run in any order.
        """
        if steps:
            (at_ms, digest, action), *later = steps
            step = {**payload, "change": digest, "action": action, "later": later}
            self.world.cloud.scheduler.at(at_ms, STEP, step, key=payload["instance"])

    def _step(self, payload: dict[str, Any]) -> None:
        instance = self._current(payload)
        if instance is None:
            return
        for mount, change in json.loads(self.world.cloud.db.blob(payload["change"])).items():
            self._change(payload["instance"], mount, change)
        verb, _, rest = payload["action"].partition(" ")
        if verb == "replace":
            self._replace(payload["instance"], rest, {})
        if verb in ("end", "reboot"):
            self._end(instance, failed=verb == "end" and rest not in ("", "0"))
        if verb == "reboot":
            self.power.drive(instance, ["Stopping", "Starting", "Running"])
        self._schedule_next(payload, payload.get("later", []))

    def _change(self, instance_id: str, mount: str, change: dict[str, list[Any] | None]) -> None:
        disk = self._disk(instance_id, mount)
        if disk is None:
            return
        tree = unpack(self.world.cloud.db.blob(disk["sim"]["blob"]))
        for path, kept in change.items():
            tree.pop(path, None)
            if kept is not None:
                tree[path] = (kept[0], base64.b64decode(kept[1]))
        self._keep(disk, tree)

    def _disk(self, instance_id: str, mount: str) -> Doc | None:
        found = [each for each in self.world.disks(instance_id) if each["sim"]["mount"]]
        return next((each for each in found if each["sim"]["mount"].strip("/") == mount), None)

    def _keep(self, disk: Doc, tree: Tree) -> None:
        digest, body = pack(tree)
        self.world.cloud.db.put_blob(digest, body)
        disk["sim"]["blob"] = digest
        self.world.store.put("disk", disk["DiskId"], disk)

    def _system_tree(self, instance_id: str) -> tuple[Doc | None, Tree]:
        disk = self._disk(instance_id, "")
        return disk, unpack(self.world.cloud.db.blob(disk["sim"]["blob"])) if disk else {}

    def _replace(self, instance_id: str, target: str, more: dict[str, str]) -> None:
        """Replace the system's files by those of another release. ``more`` are further files."""
        disk, tree = self._system_tree(instance_id)
        if disk is not None:
            facts = self.world.instance(instance_id)["sim"]["guest"]
            kept = {path: entry for path, entry in tree.items() if path != NEXT_BOOT}
            self._keep(disk, {**upgrade.replaced(kept, facts, target), **files(more)})

    # Between two restarts ------------------------------------------------------------------------------------------------

    def _booted(self, instance: Doc) -> int | None:
        """Do what follows a start: leapp's own system, or the rest of its work in the new system. Returns how long the agent then
        takes.
        """
        if not instance["sim"].get("units"):
            return None  # no tool has ever run in this guest
        _, tree = self._system_tree(instance["InstanceId"])
        if NEXT_BOOT in tree:
            boot = {"instance": instance["InstanceId"], "boot": instance["sim"]["boots"]}
            self.world.cloud.scheduler.at(self.world.now + 12 * MINUTE, UPGRADE, boot, key=instance["InstanceId"])
            return DAY
        if RESUME in tree:
            self._begin(instance, "leapp_resume", "leapp --resume")
        return None

    def _upgrade(self, payload: dict[str, Any]) -> None:
        """End the upgrade: install the new release, or keep the old one as it was. Then the machine restarts."""
        instance = self.world.store.get("instance", payload["instance"])
        if instance is None or instance["Status"] != "Running" or instance["sim"]["boots"] != payload["boot"]:
            return
        disk, tree = self._system_tree(payload["instance"])
        if disk is None or NEXT_BOOT not in tree:
            return
        windows = instance["OSType"] == "windows"
        if b"fail=restart" in tree.get(TOOL, (0, b""))[1]:
            left = {path: entry for path, entry in tree.items() if path != NEXT_BOOT}
            self._keep(disk, {**left, **files({DIAGNOSIS: _DIAGNOSED})} if windows else left)
        else:
            target = tree[NEXT_BOOT][1].decode().strip()
            more = {WINDOWS_OLD: "the old system\n"} if windows else {RESUME: "[Service]\nExecStart=leapp upgrade --resume\n"}
            self._replace(payload["instance"], target, more)
        self.power.drive(self.world.instance(payload["instance"]), ["Stopping", "Starting", "Running"])
