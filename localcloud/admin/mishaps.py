"""Mishaps: sudden faults of instances, snapshots and migrations, caused on request.

A mishap is one JSON object with a ``kind``. Its other fields are the arguments of the method of that name.
"""

from __future__ import annotations

import inspect
from typing import Any

from localcloud.core import members
from localcloud.ecs import agent
from localcloud.ecs.store import Doc
from localcloud.ecs.world import EcsWorld

_NAMING = ("credentials_expire", "role_withdrawn", "role_restored")
"""Kinds whose method has an argument ``account``. Every other kind accepts the field ``account`` too, but its method does not see
the field.
"""
SETTINGS = ("account", "concurrent_snapshots", "snapshots_per_disk", "smc_concurrent_jobs", "smc_role_missing")


class Mishaps:
    """One method per kind. The effect is immediate, in the caller's transaction. Each method raises ValueError or ApiError."""

    def __init__(self, world: EcsWorld) -> None:
        self._world = world

    @classmethod
    def kinds(cls) -> dict[str, list[str]]:
        """All kinds, each with the names of its fields."""
        found = inspect.getmembers(cls, inspect.isfunction)
        return {name: [*inspect.signature(each).parameters][1:] for name, each in found if name[0] != "_" and name != "happen"}

    def happen(self, kind: str, **given: Any) -> None:
        """Carry out one mishap in the named account. Without a name, use the account that has the instance or disk, else the
        deployment's own.
        """
        if kind not in self.kinds():
            raise ValueError(f"kind must be one of {', '.join(self.kinds())}")
        account = _text(given.pop("account", "") if kind not in _NAMING else "") or self._account_of(given)
        members.need_account(self._world.cloud, account)
        with self._world.cloud.accounts.acting(account):
            getattr(self, kind)(**given)

    def _account_of(self, given: dict[str, Any]) -> str:
        id = given.get("instance_id") or given.get("id") or ""
        found = [self._world.account_of(kind, id) for kind in ("instance", "disk") if isinstance(id, str) and id]
        return next(filter(None, found), self._world.cloud.accounts.own)

    def credentials_expire(self, account: str = "", role: str = "", session: str = "") -> None:
        """End temporary credentials now: all of them, or only those of an account, of a role, or with a session name."""
        members.expire_credentials(self._world.cloud, _text(account), _text(role), _text(session))

    def role_withdrawn(self, account: str, role: str, how: str = "role") -> None:
        """Delete a role (``role``), or only its trust policy, so that nobody can assume the role any more (``trust``)."""
        members.withdraw_role(self._world.cloud, _text(account), _text(role), _text(how) or "role")

    def role_restored(self, account: str, role: str) -> None:
        """Restore a role that was withdrawn."""
        members.withdraw_role(self._world.cloud, _text(account), _text(role), "")

    def agent_silent(self, instance_id: str) -> None:
        """The Cloud Assistant agent stops reporting, until the next restart or ``agent_back``."""
        instance = self._instance(instance_id)
        agent.silence(self._world, instance)
        self._keep(instance)

    def agent_lost(self, instance_id: str) -> None:
        """The Cloud Assistant agent stops reporting, and a restart does not bring it back."""
        instance = self._instance(instance_id)
        instance["sim"]["agent_lost"] = True
        agent.silence(self._world, instance)
        self._keep(instance)

    def agent_back(self, instance_id: str) -> None:
        """The Cloud Assistant agent reports again."""
        instance = self._instance(instance_id)
        instance["sim"]["agent_lost"] = False
        agent.return_at(self._world, instance, self._world.now)
        self._keep(instance)

    def snapshot_fails(self, id: str, times: int = 1) -> None:
        """Make the next ``times`` snapshots of a disk, or of all disks of an instance, fail while they are in progress."""
        asked = self._world.setting("snapshots_fail", {})
        self._world.set_setting("snapshots_fail", {**asked, _text(id): _count(times)})

    def migration_fails(self, instance_id: str, times: int = 1, at: str = "Processing", cause: str = "A mishap.") -> None:
        """Make the first ``times`` attempts of the instance's SMC job end InError in the stage ``at``, with the given cause."""
        instance = self._instance(instance_id)
        instance["sim"]["guest"]["smc"] = {"fail_attempts": _count(times), "at": _text(at), "cause": _text(cause)}
        self._keep(instance)

    def setting(self, name: str, value: Any) -> None:
        """Change a setting of a whole account. SETTINGS lists the settings."""
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
