"""Mishaps: what may happen to instances, snapshots and migrations from one moment to the next, on request.

Each is one JSON object with a ``kind``; the fields of a kind are the arguments of its method.
"""

from __future__ import annotations

import inspect
from typing import Any

from localcloud.ecs import agent
from localcloud.ecs.store import Doc
from localcloud.ecs.world import EcsWorld

SETTINGS = ("account", "concurrent_snapshots", "snapshots_per_disk", "smc_concurrent_jobs", "smc_role_missing")


class Mishaps:
    """One method per kind; each takes its effect at once, in the caller's transaction, and raises ValueError or ApiError."""

    def __init__(self, world: EcsWorld) -> None:
        self._world = world

    @classmethod
    def kinds(cls) -> dict[str, list[str]]:
        """The kinds, with the names of their fields."""
        found = inspect.getmembers(cls, inspect.isfunction)
        return {name: [*inspect.signature(each).parameters][1:] for name, each in found if name[0] != "_" and name != "happen"}

    def happen(self, kind: str, **given: Any) -> None:
        """Carry out one mishap."""
        if kind not in self.kinds():
            raise ValueError(f"kind must be one of {', '.join(self.kinds())}")
        getattr(self, kind)(**given)

    def agent_silent(self, instance_id: str) -> None:
        """The Cloud Assistant agent stops reporting, until the next restart or ``agent_back``."""
        instance = self._instance(instance_id)
        agent.silence(self._world, instance)
        self._keep(instance)

    def agent_lost(self, instance_id: str) -> None:
        """The agent stops reporting and does not come back with a restart."""
        instance = self._instance(instance_id)
        instance["sim"]["agent_lost"] = True
        agent.silence(self._world, instance)
        self._keep(instance)

    def agent_back(self, instance_id: str) -> None:
        """The agent reports again."""
        instance = self._instance(instance_id)
        instance["sim"]["agent_lost"] = False
        agent.return_at(self._world, instance, self._world.now)
        self._keep(instance)

    def snapshot_fails(self, id: str, times: int = 1) -> None:
        """The next ``times`` snapshots of a disk, or of an instance's disks, fail while they are made."""
        asked = self._world.setting("snapshots_fail", {})
        self._world.set_setting("snapshots_fail", {**asked, _text(id): _count(times)})

    def migration_fails(self, instance_id: str, times: int = 1, at: str = "Processing", cause: str = "A mishap.") -> None:
        """The first ``times`` attempts of a job for the instance end InError, in the stage ``at``, with a cause."""
        instance = self._instance(instance_id)
        instance["sim"]["guest"]["smc"] = {"fail_attempts": _count(times), "at": _text(at), "cause": _text(cause)}
        self._keep(instance)

    def setting(self, name: str, value: Any) -> None:
        """Change what holds for the whole account: one of SETTINGS."""
        if name not in SETTINGS:
            raise ValueError(f"name must be one of {', '.join(SETTINGS)}")
        self._world.set_setting(name, value)

    def _instance(self, id: str) -> Doc:
        return self._world.instance(_text(id))

    def _keep(self, instance: Doc) -> None:
        self._world.store.put("instance", instance["InstanceId"], instance)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} must be a text")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} must be a number from 0")
    return value
