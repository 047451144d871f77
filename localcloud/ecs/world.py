"""The common base of all parts of ECS: the cloud, the store, the time, and the few checks that all operations share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.clock import iso
from localcloud.core.errors import ApiError
from localcloud.ecs.store import Doc, Store

SECOND = 1000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
_FOR_EVERYBODY = ("event_form", "system_disk_replaced")


class EcsWorld:
    """The emulated ECS of the current account."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.store = Store(cloud.db)

    @property
    def now(self) -> int:
        """The cloud's time in milliseconds."""
        return self.cloud.clock.now_ms()

    @property
    def now_iso(self) -> str:
        return iso(self.now)

    def between(self, low_s: float, high_s: float, *words: object) -> int:
        """A duration in milliseconds between ``low_s`` and ``high_s`` seconds; the seed and the words determine it."""
        return round(self.cloud.random(*words).uniform(low_s, high_s) * SECOND)

    def setting(self, name: str, default: Any) -> Any:
        """A setting of the emulation (``faults`` of fleet.schema.json), kept in the state.

        Each account has its own settings, except those that describe how the cloud behaves for everybody.
        """
        return json.loads(self.cloud.db.meta(self._setting_key(name), json.dumps(default)))

    def set_setting(self, name: str, value: Any) -> None:
        self.cloud.db.set_meta(self._setting_key(name), json.dumps(value))

    def _setting_key(self, name: str) -> str:
        return f"ecs.{name}" if name in _FOR_EVERYBODY else self.cloud.db.scope(f"ecs.{name}")

    def account_of(self, kind: str, id: str) -> str:
        """The account that has a document of this id; empty if no account has."""
        return next((each.id for each in self.cloud.accounts.everywhere() if self.store.has(kind, id)), "")

    def need(self, kind: str, id: str, code: str) -> Doc:
        """The document of an id. Without it, the error is a 404 with ECS's code for that kind."""
        doc = self.store.get(kind, id)
        if doc is None:
            raise ApiError(code, f"The specified {kind} {id} does not exist.", 404)
        return doc

    def instance(self, id: str) -> Doc:
        return self.need("instance", id, "InvalidInstanceId.NotFound")

    def disk(self, id: str) -> Doc:
        return self.need("disk", id, "InvalidDiskId.NotFound")

    def disks(self, instance_id: str) -> list[Doc]:
        """An instance's attached disks: the system disk first, the others by device."""
        found = self.store.find("disk", {"instance": instance_id})
        return sorted(found, key=lambda disk: (disk["Type"] != "system", disk["Device"]))

    def once(self, operation: str, params: Mapping[str, Any], act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of ``act``; for a repeated ClientToken, the stored result. A different request with the same token is
        refused.
        """
        token = params.get("ClientToken")
        if token is None:
            return act()
        if len(token) > 64 or not token.isascii():
            raise ApiError("InvalidClientToken.ValueNotSupported", "The ClientToken must be ASCII and at most 64 characters.", 400)
        key = f"{operation}:{token}"
        digest = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
        known = self.store.get("token", key)
        if known is None or known["expires_ms"] <= self.now:
            answer = act()
            self.store.put("token", key, {"digest": digest, "answer": answer, "expires_ms": self.now + DAY})
            return answer
        if known["digest"] != digest:
            raise ApiError(
                "IdempotentParameterMismatch", "The request uses the ClientToken of an earlier one with other parameters.", 400
            )
        repeated: dict[str, Any] = known["answer"]
        return repeated


def dry_run(params: Mapping[str, Any]) -> None:
    """End a dry run that has passed all checks. As in ECS, the answer is an error."""
    if params.get("DryRun"):
        raise ApiError("DryRunOperation", "Request validation has been passed with DryRun flag set.", 400)


def refuse_unless(condition: bool, code: str, message: str, status: int = 403) -> None:
    """Raise ApiError if the condition is false."""
    if not condition:
        raise ApiError(code, message, status)


def shown(doc: Doc) -> Doc:
    """A document as the API shows it, without ``sim``."""
    return {name: value for name, value in doc.items() if name != "sim"}
