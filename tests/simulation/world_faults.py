"""Faults outside the product, by themselves or by other people: to instances, snapshots, jobs, clocks and deployments."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from localcloud.account import service
from localcloud.core.clock import VirtualClock
from localcloud.core.errors import ApiError
from localcloud.core.scheduler import Job
from localcloud.ecs import agent, events, snapshot_life
from localcloud.ecs.guest_runs import DONE
from localcloud.ecs.store import Doc
from localcloud.smc import migration as smc_migration
from tests.simulation.chaos import Chaos
from tests.simulation.invariants import Sight
from tests.simulation.protecting import ProtectionByHand
from tests.simulation.records import State
from tests.simulation.scenario import WORLD
from tests.simulation.tool_faults import BOUGHT_AFTER, BOUGHT_LATER, ToolFaults
from tests.simulation.tools import FAULTS
from tests.simulation.truth import Truth
from tests.support import media

MINUTE = 60_000
LONG_SILENT_MIN = 150
"""How long some agents stay silent after the storm, in minutes: longer than the product waits for a guest."""

FOR_EVER = 1 / 3
MOST_WRONG_MS = 30_000
FUNCTIONS = ("intake", "api", "precheck", "snapshot", "migrate", "watch", "validate", "rollback", "sweep")
HAND_NAMES = ("before-the-upgrade", "kept-{disk}", "SMC_Backup_Snapshot_{disk}", "SMC_Backup_Snapshot_by_hand")
_WAITING = (State.SNAPSHOTTING, State.MIGRATING)
COUNTED_LATER = frozenset({"command_slow"})
"""Kinds without an immediate effect. They are counted when their effect happens."""


class WorldFaults(ToolFaults):
    """Once a minute, each kind of fault may hit a random target. ``heal`` ends all lasting faults."""

    def __init__(self, truth: Truth, scene: Sight, chaos: Chaos, deploy: Callable[[], str]) -> None:
        self.truth, self.scene, self.chaos, self.deploy = truth, scene, chaos, deploy
        self.cloud = truth.cloud
        self._stuck: set[str] = set()
        self._hung: dict[str, dict[str, Any]] = {}
        self._silent: set[str] = set()
        self._slow, self._slow_until, self._late = 0, 0, set[str]()
        """By how many minutes commands end late, until when (ms), and the commands whose end was already delayed once."""
        self.cloud._sticks = self._sticks  # type: ignore[method-assign]
        self.protection = ProtectionByHand(truth, scene, chaos)
        scene.failed_calls, scene.all_protect = chaos.failed, chaos.invoker.knows_protection
        self.lasting: set[str] = set()
        """Snapshots and jobs that hang until the product has given them up."""
        self._strangers: dict[str, int] = {}
        """By instance in which somebody else's tool runs: until when (ms)."""
        self._buying = random.Random(f"buying:{chaos.seed}")

    @property
    def rng(self) -> random.Random:
        return self.chaos.rng

    def minute(self) -> None:
        """Cause all faults of one minute."""
        with self.cloud.lock, self.cloud.db.transaction():
            self.end_strangers(self.truth.ecs.now)
        self.protection.minute()
        for kind in (*WORLD, *FAULTS):
            if self.chaos.hits(kind):
                with self.cloud.lock, self.cloud.db.transaction():
                    told = getattr(self, f"_{kind}")()
                if not told or kind in COUNTED_LATER:
                    self.chaos.take_back(kind)
                self.chaos.say(f"FAULT {kind} {told or 'nothing there'}")

    # Choosing -----------------------------------------------------------------------------------------------------

    def _instance(self, status: str = "Running") -> Doc | None:
        found: Doc | None = self._one(self.truth.ecs.store.find("instance", {"status": status}))
        return found

    def _one(self, found: list[Any]) -> Any:
        return self.rng.choice(found) if found else None

    def _job(self, *states: str) -> Doc | None:
        found: Doc | None = self._one([job for job in self.truth.jobs() if job["Status"] in states])
        return found

    # Happenings ---------------------------------------------------------------------------------------------------

    def _index_lag(self) -> str:
        lag = self.rng.choice((0, 0, 200, 3000, 30_000, 120_000))
        service(self.cloud, "tablestore").set_index_lag(lag)
        return f"{lag} ms" if lag else ""

    def _snapshot_fails(self) -> str:
        found = self._instance()
        if found is None:
            return ""
        asked = self.truth.ecs.setting("snapshots_fail", {})
        if asked.get(found["InstanceId"]):
            return ""
        self.truth.ecs.set_setting("snapshots_fail", {**asked, found["InstanceId"]: 1})
        return f"the next of {found['InstanceId']}"

    def _snapshot_sticks(self) -> str:
        found = self._one(self.truth.ecs.store.find("snapshot", {"status": "progressing"}))
        if found is None:
            return ""
        id = found["SnapshotId"]
        self.cloud.scheduler.cancel(snapshot_life.FINISH, id)
        self._stuck.add(id)
        return f"{id} {found['SnapshotName']}"

    def _snapshot_deleted(self) -> str:
        found = self._one([each for each in self.truth.snapshots() if each["SnapshotId"] != media.SNAPSHOT])
        if found is None:
            return ""
        self.scene.deleted_by_others[found["SnapshotId"]] = self.truth.count
        self.scene.names_deleted_by_others[found["SnapshotName"]] = self.truth.count
        snapshot_life.delete(self.truth.ecs, found["SnapshotId"])
        return f"{found['SnapshotId']} {found['SnapshotName']}"

    def _job_fails(self) -> str:
        job = self._job("Running")
        if job is None:
            return ""
        self.cloud.scheduler.cancel(smc_migration.STEP, job["JobId"])
        service(self.cloud, "smc").jobs.migration._fail(job, "M199", "The disk cannot be read.", restart=self.rng.random() < 0.5)
        return f"{job['JobId']} {job['Name']}"

    def _job_hangs(self) -> str:
        job = self._job("Running")
        if job is None or not self.cloud.scheduler.cancel(smc_migration.STEP, job["JobId"]):
            return ""
        self._hung[job["JobId"]] = job
        return f"{job['JobId']} {job['Name']}"

    def _job_cancelled(self) -> str:
        """Somebody cancels a job in the SMC console, which allows that only while the job is Syncing."""
        job = self._one([each for each in self.truth.jobs() if each["BusinessStatus"] == "Syncing" and each["Status"] == "Running"])
        if job is None:
            return ""
        service(self.cloud, "smc").jobs.stop({"JobId": job["JobId"]})
        return f"{job['JobId']} {job['Name']}"

    def _job_vanishes(self) -> str:
        job = self._job("Ready", "InError", "Finished", "Stopped")
        if job is None:
            return ""
        self.scene.stopped_jobs.add(job["JobId"])
        service(self.cloud, "smc").jobs._forget(job["JobId"])
        return f"{job['JobId']} {job['Name']}"

    def _source_vanishes(self) -> str:
        running = {job["SourceId"] for job in self.truth.jobs() if job["Status"] == "Running"}
        found = self._one([id for id, _ in self.truth.smc.sources.items() if id not in running])
        if found:
            self.truth.smc.sources.delete(found)
        return found or ""

    def _agent_silent(self) -> str:
        found = self._instance()
        if found is None or found["InstanceId"] in self._silent:
            return ""
        agent.silence(self.truth.ecs, found)
        found["sim"]["agent_lost"] = True
        self.truth.ecs.store.put("instance", found["InstanceId"], found)
        self._silent.add(found["InstanceId"])
        return str(found["InstanceId"])

    def _command_slow(self) -> str:
        """Commands that end in the next minute show their end minutes later. The fault is counted when such a command ends."""
        self._slow, self._slow_until = self.rng.choice((2, 4, 9)), self.truth.ecs.now + MINUTE
        return f"whatever ends in the next minute, by {self._slow} minutes"

    def _sticks(self, job: Job) -> bool:
        """Whether a command's end is delayed. Each end is delayed only once, because no command outlives its time-out."""
        if job.kind != DONE or job.key in self._late:
            return False
        self._late.add(job.key)
        if self.truth.ecs.now >= self._slow_until:
            return False
        self.chaos.injected["command_slow"] += 1
        self.chaos.say(f"FAULT command_slow {job.key} by {self._slow} minutes")
        self.cloud.scheduler.put_off(job, self.truth.ecs.now + self._slow * MINUTE)
        return True

    def _instance_stopped(self) -> str:
        id = self._power("StopInstance", "Running")
        if id:
            self.scene.disturbed.append((id, "stopped", self.truth.ecs.now))
        return id

    def _instance_rebooted(self) -> str:
        id = self._power("RebootInstance", "Running")
        if id:
            self.scene.disturbed.append((id, "rebooted", self.truth.ecs.now))
        return id

    def _power(self, operation: str, status: str) -> str:
        found = self._instance(status)
        if found is None:
            return ""
        try:
            service(self.cloud, "ecs").operations[operation].perform({"InstanceId": found["InstanceId"]})
        except ApiError as error:
            self.chaos.say(f"{operation} {found['InstanceId']}: {error.code}")
            return ""
        return str(found["InstanceId"])

    def _instance_released(self) -> str:
        found = self._instance()
        if found is None or found["sim"]["busy"]:
            return ""
        id = found["InstanceId"]
        for disk in self.truth.ecs.disks(id):
            self.truth.ecs.store.delete("disk", disk["DiskId"])
        self.truth.ecs.store.delete("instance", id)
        events.state_changed(self.truth.ecs, id, "Deleted")
        self.scene.released.add(id)
        self.scene.disturbed.append((id, "released", self.truth.ecs.now))
        return str(id)

    def _clock_jump(self) -> str:
        minutes = self.rng.choice((2, 11, 45, 180))
        assert isinstance(self.cloud.clock, VirtualClock)
        self.cloud.clock.advance_to(self.cloud.clock.now_ms() + minutes * MINUTE)
        return f"{minutes} minutes"

    def _second_tick(self) -> str:
        payload = b'{"triggerTime":"2026-11-23T08:00:00Z","triggerName":"tick","payload":""}'
        for _ in range(self.rng.randint(1, 2)):
            service(self.cloud, "fc").queue.add("replank-watch", payload, "timer")
        return "watch"

    def sweep_now(self) -> None:
        """Run the sweep, even if nothing is due."""
        with self.cloud.lock, self.cloud.db.transaction():
            self._early_sweep()

    def _early_sweep(self) -> str:
        payload = b'{"triggerTime":"2026-11-23T08:00:00Z","triggerName":"daily","payload":""}'
        service(self.cloud, "fc").queue.add("replank-sweep", payload, "timer")
        return "sweep"

    def _clock_skew(self) -> str:
        """A function's clock becomes wrong, or right again."""
        name = self.rng.choice(FUNCTIONS)
        self.chaos.invoker.skew_ms[name] = self.rng.choice((-MOST_WRONG_MS, -1500, 0, 1500, MOST_WRONG_MS))
        return f"{name} {self.chaos.invoker.skew_ms[name]} ms"

    def _snapshot_by_hand(self) -> str:
        """Somebody makes a snapshot of a disk for their own use."""
        disk = self._one([each for each in self.truth.ecs.store.find("disk", {}) if not each["sim"].get("transit")])
        if disk is None:
            return ""
        name = self.rng.choice(HAND_NAMES).format(disk=disk["DiskId"][2:])
        asked = {"DiskId": disk["DiskId"], "SnapshotName": name}
        try:
            made = service(self.cloud, "ecs").operations["CreateSnapshot"].perform(asked)
        except ApiError as error:
            self.chaos.say(f"CreateSnapshot by hand {disk['DiskId']}: {error.code}")
            return ""
        self.scene.by_hand.add(made["SnapshotId"])
        return f"{made['SnapshotId']} {name}"

    def _deployment(self) -> str:
        return self.deploy()

    # The end of it ------------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """End all faults: what hangs continues, silent agents report, stopped instances start. Deleted resources stay deleted.

        A third of the hanging snapshots and jobs that a migration waits for continue to hang. The product must give them up by
        itself.
        """
        ecs = self.truth.ecs
        with self.cloud.lock, self.cloud.db.transaction():
            self.end_strangers(max(self._strangers.values(), default=0))
            self.buy_late(self._buying, BOUGHT_AFTER)
            service(self.cloud, "tablestore").set_index_lag(0)
            for _ in range(sum(ecs.setting("snapshots_fail", {}).values())):
                self.chaos.take_back("snapshot_fails")  # no snapshot was made that could fail
            ecs.set_setting("snapshots_fail", {})
            for id in sorted(self._stuck | self._hung.keys()):
                if self._waits_for(id) and self.rng.random() < FOR_EVER:
                    self.lasting.add(id)
                else:
                    self._goes_on(id)
            for instance in ecs.store.find("instance", {}):
                self._wake(instance)

    def _waits_for(self, id: str) -> str:
        """The instance whose migration waits for this snapshot or job."""
        thing = self.truth.snapshot(id) or self.truth.smc.jobs.get(id)
        if thing is None:
            return ""
        instance_id = str(thing["sim"].get("instance") or thing["sim"]["instance_id"])
        waits = any(each.state in _WAITING for each in self.truth.of_instance(instance_id))
        return instance_id if waits else ""

    def lasts(self, instance_id: str) -> bool:
        """Whether a migration of this instance waits for something that hangs for ever."""
        return any(self._waits_for(id) == instance_id for id in self.lasting)

    def end_all(self) -> None:
        """End what hung for ever, after nobody waits for it any more. People also buy licences."""
        with self.cloud.lock, self.cloud.db.transaction():
            for id in sorted(self.lasting):
                self._goes_on(id)
            self.buy_late(self._buying, BOUGHT_LATER)
        self.lasting.clear()

    def _goes_on(self, id: str) -> None:
        """Finish a stuck snapshot soon; make a hung job fail."""
        job = self.truth.smc.jobs.get(id)
        if self.truth.snapshot(id) is not None:
            self.cloud.scheduler.at(self.truth.ecs.now + MINUTE, snapshot_life.FINISH, {"snapshot": id}, key=id)
        elif job is not None and job["Status"] == "Running":
            service(self.cloud, "smc").jobs.migration._fail(job, "M199", "It hung.", restart=True)

    def _wake(self, instance: Doc) -> None:
        ecs, id = self.truth.ecs, instance["InstanceId"]
        if id in self._silent:
            instance["sim"]["agent_lost"] = False
            if instance["Status"] == "Running":
                agent.return_at(ecs, instance, ecs.now + self.rng.choice((1, 1, 1, LONG_SILENT_MIN)) * MINUTE)
            ecs.store.put("instance", id, instance)
        ours = any(each.state.value == "rolling_back" for each in self.truth.of_instance(id))
        if instance["Status"] == "Stopped" and not instance["sim"]["busy"] and not ours:
            self._power_on(id)

    def _power_on(self, id: str) -> None:
        try:
            service(self.cloud, "ecs").operations["StartInstance"].perform({"InstanceId": id})
            self.scene.disturbed.append((id, "started", self.truth.ecs.now))
        except ApiError:
            return
