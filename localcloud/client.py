"""A client of the cloud's own endpoint (``/_localcloud``), for tests: faults, mishaps, the call log, the clock.

The client needs no third-party package and uses no proxy. If the endpoint refuses a request, the method raises AdminError with the
endpoint's text.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

Json = dict[str, Any]


class AdminError(Exception):
    """The endpoint refused a request. ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class LocalCloud:
    """A running cloud. The ready line gives its URL as ``admin`` and its token as ``admin_token``."""

    def __init__(self, admin: str, token: str, *, timeout_s: float = 660.0) -> None:
        self._base, self._timeout_s = admin.rstrip("/"), timeout_s
        self._headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, name: str, **query: object) -> Json:
        """``GET /_localcloud/NAME``."""
        found: Json = self._ask(f"/{name}" + (f"?{urlencode(query)}" if query else ""), None)
        return found

    def post(self, name: str, body: Any) -> Any:
        """``POST /_localcloud/NAME`` with a JSON body."""
        return self._ask(f"/{name}", json.dumps(body).encode())

    # Time -----------------------------------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        """The cloud's time, in ms since the epoch."""
        return int(self.get("clock")["now_ms"])

    def hold(self, hold: bool = True) -> None:
        """Stop virtual time, except for ``advance``; or let it run again."""
        self.post("clock", {"hold": hold})

    def advance(self, span_s: float) -> int:
        """Move virtual time forward and do everything that becomes due. Returns the new time in ms."""
        return int(self.post("clock", {"advance_s": span_s})["now_ms"])

    # What goes wrong ------------------------------------------------------------------------------------------------

    def set_faults(self, *rules: Json) -> None:
        """Replace all fault rules (see localcloud.core.faults.FaultRule). Without rules there are no faults."""
        self.post("faults", {"rules": list(rules)})

    @contextmanager
    def faults(self, *rules: Json) -> Iterator[None]:
        """Set fault rules for the length of a ``with`` block. At its end every rule must have been applied."""
        self.set_faults(*rules)
        yield
        idle = [rule for rule in self.get("faults")["rules"] if not rule["struck"]]
        self.set_faults()
        if idle:
            raise AssertionError(f"faults that never struck: {idle}")

    def happen(self, kind: str, **fields: Any) -> None:
        """Cause a mishap (see localcloud.admin.mishaps.Mishaps), for example ``happen("agent_silent", instance_id="i-1")``."""
        self.post("mishaps", {"kind": kind, **fields})

    # Accounts -------------------------------------------------------------------------------------------------------

    def put_account(self, id: str, **given: Any) -> Json:
        """Create or change an account (``name``, ``directory``, ``roles``). Returns the keys of its owner."""
        found: Json = self.post("accounts", {"id": id, **given})
        return found

    def put_role(self, account: str, role: str, **given: Any) -> str:
        """Create or replace a role (``trust``, ``policies``, ``max_session_s``). Returns its ARN."""
        return str(self.post("roles", {"account": account, "role": role, **given})["arn"])

    def put_user(self, account: str, user: str, *policies: Json) -> Json:
        """Create a RAM user, or replace its policies. Returns the user's keys."""
        found: Json = self.post("users", {"account": account, "user": user, "policies": list(policies)})
        return found

    def create_stack(self, template: str, account: str, **parameters: str) -> Json:
        """Apply the text of a ROS template with roles and rules in an account. Returns ``roles``, ``rules`` and ``outputs``."""
        found: Json = self.post("stacks", {"account": account, "template": template, "parameters": parameters})
        return found

    def withdraw_role(self, account: str, role: str, how: str = "role") -> None:
        """Delete a role, or (``trust``) only its trust policy, so that nobody can assume the role any more."""
        self.post("roles", {"account": account, "role": role, "withdraw": how})

    def restore_role(self, account: str, role: str) -> None:
        """Restore a role that was withdrawn."""
        self.post("roles", {"account": account, "role": role, "restore": True})

    def expire_credentials(self, **which: str) -> int:
        """End temporary credentials now: those of ``account``, ``role`` or ``session``, or all without an argument. Returns how
        many ended.
        """
        return int(self.post("credentials", {"expire": True, **which})["expired"])

    # What was seen --------------------------------------------------------------------------------------------------

    def calls(self, limit: int = 1000, **wanted: object) -> list[Json]:
        """The newest calls with the given field values, oldest first. Example: ``calls(service="ecs", code="")``."""
        newest = self.get("calls", limit=limit)["newest"]
        return [call for call in newest if all(call[name] == value for name, value in wanted.items())]

    def invocations(self, function: str = "", limit: int = 1000) -> list[Json]:
        """The newest finished invocations with their logs, oldest first."""
        found: list[Json] = self.get("logs", function=function, limit=limit)["invocations"]
        return found

    def unused_permissions(self) -> list[Json]:
        """Permissions that the roles have but have not used since the start."""
        found: list[Json] = self.get("permissions")["unused"]
        return found

    def load_fleet(self, document: Json) -> int:
        """Add instances (see localcloud.ecs.fleet). Returns how many."""
        return int(self.post("fleet", document))

    def _ask(self, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(self._base + path, body, self._headers)
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                message = json.loads(text)["error"]
            except (ValueError, KeyError, TypeError):
                message = text.decode("utf-8", "replace")
            raise AdminError(error.code, message) from error
