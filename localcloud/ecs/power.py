"""Starting, stopping and restarting, with the states that an instance passes through and the event of each state.

A stop or restart silences the agent at once. The agent is back 30 to 120 seconds after Running. ``busy`` in an instance's ``sim``
names an operation that must not be disturbed (SMC's replacement). Until that operation ends, callers are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.core.errors import ApiError
from localcloud.ecs import agent, events, snapshot_life
from localcloud.ecs.paging import Params
from localcloud.ecs.store import Doc
from localcloud.ecs.world import EcsWorld, dry_run, refuse_unless

JOB = "ecs.power"
_SECONDS = {"Stopping": (10, 40), "Stopped": (3, 8), "Starting": (15, 45)}
"""How long an instance stays in each intermediate state, in seconds (shortest, longest)."""


class Power:
    """The power operations, and the job that moves an instance to its next state."""

    def __init__(self, world: EcsWorld) -> None:
        self.world = world
        world.cloud.scheduler.on(JOB, self._next)
        self.booted: Callable[[Doc], int | None] = lambda instance: None
        """Called when an instance is running again. Returns the milliseconds until its agent is back, or None for the usual time.
        """

    def start(self, params: Params) -> dict[str, Any]:
        """StartInstance: the instance must be Stopped."""
        instance = self._free(params, "Stopped")
        unready = [disk["DiskId"] for disk in self.world.disks(instance["InstanceId"]) if disk["Status"] == "ReIniting"]
        refuse_unless(not unready, "IncorrectDiskStatus", f"The disks {', '.join(unready)} are being reset.")
        dry_run(params)
        self.drive(instance, ["Starting", "Running"])
        return {}

    def stop(self, params: Params) -> dict[str, Any]:
        """StopInstance: the instance must be Running. StoppedMode is KeepCharging or StopCharging."""
        mode = params.get("StoppedMode", "KeepCharging")
        if mode not in ("KeepCharging", "StopCharging"):
            raise ApiError("InvalidParameter.StoppedMode", "StoppedMode must be KeepCharging or StopCharging.", 400)
        instance = self._free(params, "Running")
        dry_run(params)
        instance["StoppedMode"] = mode
        self.drive(instance, ["Stopping", "Stopped"])
        return {}

    def reboot(self, params: Params) -> dict[str, Any]:
        """RebootInstance: the instance must be Running."""
        instance = self._free(params, "Running")
        dry_run(params)
        self.drive(instance, ["Stopping", "Starting", "Running"])
        return {}

    def drive(self, instance: Doc, states: list[str], *, agent_after_ms: int | None = None) -> None:
        """Enter the first state now and the others one after another. The agent is back ``agent_after_ms`` after Running."""
        id = instance["InstanceId"]
        boot = instance["sim"]["boots"] + 1
        instance["sim"]["boots"] = boot
        pause = self.world.between(30, 120, "agent", id, boot) if agent_after_ms is None else agent_after_ms
        agent.silence(self.world, instance)
        snapshot_life.disturb(self.world, id)
        self._enter(instance, states, pause)

    def _enter(self, instance: Doc, states: list[str], pause_ms: int) -> None:
        """Enter the first of ``states`` and schedule the rest."""
        world, id, state = self.world, instance["InstanceId"], states[0]
        instance["Status"] = state
        instance["StoppedMode"] = instance["StoppedMode"] if state in ("Stopping", "Stopped") else "Not-applicable"
        if state == "Running":
            instance["StartTime"] = world.now_iso[:-4] + "Z"
            instance["sim"]["booted_ms"] = world.now
            own = self.booted(instance)
            agent.return_at(world, instance, world.now + (pause_ms if own is None else own))
        world.store.put("instance", id, instance)
        events.state_changed(world, id, state)
        if states[1:]:
            due = world.now + world.between(*_SECONDS[state], "power", id, instance["sim"]["boots"], state)
            payload = {"instance": id, "states": states[1:], "pause_ms": pause_ms}
            world.cloud.scheduler.at(due, JOB, payload, key=id)

    def _next(self, payload: dict[str, Any]) -> None:
        instance = self.world.store.get("instance", payload["instance"])
        if instance is not None:
            self._enter(instance, payload["states"], payload["pause_ms"])

    def _free(self, params: Params, status: str) -> Doc:
        """The requested instance. Raises ApiError if its state is another or an operation is in progress on it."""
        instance = self.world.instance(params["InstanceId"])
        require_idle(instance)
        message = f"The current status of the resource ({instance['Status']}) does not support this operation."
        refuse_unless(instance["Status"] == status, "IncorrectInstanceStatus", message)
        return instance


def require_idle(instance: Doc) -> None:
    """Refuse the call while SMC replaces the operating system, or if the instance is locked for security reasons."""
    reasons = [lock["LockReason"] for lock in instance["OperationLocks"]["LockReason"]]
    refuse_unless("security" not in reasons, "InstanceLockedForSecurity", "The instance is locked for security reasons.")
    message = f"The instance is being worked on ({instance['sim']['busy']}); its current status does not support this operation."
    refuse_unless(not instance["sim"]["busy"], "IncorrectInstanceStatus", message)
