"""The whole product in one process and one thread: the real functions and SDKs against the local cloud. The caller controls the
time.

No request uses a socket. An account is the same in every run of its seed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from cli.bootstrap import create_bus_if_missing
from cli.client import ApiClient
from cli.kept_commands import create_missing_commands
from cli.run.launch import SETTINGS
from cli.sdk_account import OperatorAccount
from localcloud.account import Files, build, deploy
from localcloud.core.app import Cloud
from localcloud.core.hooks import offered
from localcloud.core.http import Request, Response
from localcloud.fc.inprocess import InProcessInvoker
from localcloud.fc.invoker import Invoker
from tools.deployed.inprocess import in_process

ROOT = Path(__file__).resolve().parents[2]
URL = "http://127.0.0.1:9"
MINUTE_MS = 60_000
SOURCES = {"REPLANK_NOTICE_SOURCES": "acs.test,acme.lifecycle"}
"""The sources whose notices are read: that of the tests, and that of the examples."""
_Same = TypeVar("_Same", bound="DeployedProduct")
Wrapper = Callable[[Callable[[Request], Response]], Callable[[Request], Response]]


class DeployedProduct:
    """An account with the product deployed and its bus created. Use it inside ``with product.connected():``."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        seed: int = 0,
        invoker: Invoker | None = None,
        env: dict[str, str] | None = None,
        around: Wrapper | None = None,
        templates: tuple[Path, ...] = (ROOT / "template.yml",),
    ) -> None:
        """``templates`` are those of the stacks, the product's own first. ``around`` wraps the handler between the SDKs and
        the cloud.
        """
        self.cloud: Cloud = build(folder, seed, invoker=invoker or InProcessInvoker())
        files = Files(templates[0], ROOT / "s.yaml", env={**SETTINGS, **SOURCES, **(env or {})}, more=templates[1:])
        self._keeps_commands = (env or {}).get("REPLANK_COMMANDS") == "kept"
        deploy(self.cloud, files, URL)
        self._around = around
        self._start_ms = self.cloud.clock.now_ms()
        self.operator = "ann"

    @contextmanager
    def connected(self: _Same) -> Iterator[_Same]:
        """Within the block, every SDK of this process talks to this cloud as the account's owner.

        Functions run in this process, each with its own variables. So ``os.environ`` is a plain dictionary within the block: to set
        a variable of the process takes a call of the C library, and all of them a fifteenth of the time.
        """
        handle = self._around(self.cloud.handle) if self._around else self.cloud.handle
        owner = self.cloud.owner
        keys = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": owner.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": owner.access_key_secret,
            "REPLANK_EVENTBRIDGE_ENDPOINT": URL,
            "REPLANK_API_URL": f"{URL}/http/replank-api",
        }
        with in_process(handle), mock.patch.object(os, "environ", {**os.environ, **keys}):
            self.make_bus()
            yield self

    def make_bus(self) -> None:
        """Create the custom bus and, if the functions need them, the kept commands, as ``replank bootstrap`` does. A repeated call
        changes nothing.
        """
        account = OperatorAccount.from_environment()
        create_bus_if_missing(account)
        if self._keeps_commands:
            create_missing_commands(account)

    @property
    def api(self) -> ApiClient:
        """The HTTP API through the signed trigger, as an operator uses it."""
        owner = self.cloud.owner
        return ApiClient(f"{URL}/http/replank-api", owner.access_key_id, owner.access_key_secret, operator=self.operator)

    def load_fleet(self, document: dict[str, Any]) -> None:
        """Put instances into the account."""
        with self.cloud.lock, self.cloud.db.transaction():
            offered(self.cloud.hooks.load_fleet)(document)

    def run_until_ms(self, until_ms: int) -> None:
        """Do everything that is due up to a virtual moment."""
        while self.cloud.clock.now_ms() < until_ms and self.cloud.step(until_ms):
            pass
        while (
            (due := self.cloud.scheduler.next_due_ms()) is not None
            and due <= self.cloud.clock.now_ms()
            and self.cloud.step(until_ms)
        ):
            pass

    def run(self, minutes: float) -> None:
        """Do everything that is due within this many virtual minutes."""
        self.run_until_ms(self.cloud.clock.now_ms() + round(minutes * MINUTE_MS))

    def migrations(self, **query: Any) -> list[dict[str, Any]]:
        """Every migration as the API shows it, over all pages."""
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            page = self.api.get("/migrations", limit=100, nextToken=token, **query)
            found += page["migrations"]
            token = page.get("nextToken", "")
            if not token:
                return found

    @property
    def minutes(self) -> float:
        """Virtual minutes since the account began."""
        return (self.cloud.clock.now_ms() - self._start_ms) / MINUTE_MS
