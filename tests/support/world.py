"""The whole product in one process and one thread: the real functions and SDKs against the local cloud, time in our hand.

Nothing here reaches a socket. A world is the same in every run of its seed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest import mock

from cli.bootstrap import ensure_bus
from cli.run.launch import SETTINGS
from cli.sdk_account import OperatorAccount
from localcloud.account import Files, build, deploy, service
from localcloud.core.app import Cloud
from localcloud.core.clock import VirtualClock, to_ms
from localcloud.core.hooks import offered
from localcloud.core.http import Request, Response
from localcloud.fc.inprocess import InProcessInvoker
from localcloud.fc.invoker import Invoker
from tests.support.console import start_job
from tests.support.inprocess import in_process
from tests.support.looking import LookingApi

ROOT = Path(__file__).resolve().parents[2]
URL = "http://127.0.0.1:9"
MINUTE_MS = 60_000
SOURCES = {"REPLANK_NOTICE_SOURCES": "acs.test,acme.lifecycle"}
"""Whose notices are read: what :meth:`World.send` publishes unless told otherwise, and the examples."""
Wrapper = Callable[[Callable[[Request], Response]], Callable[[Request], Response]]


class World:
    """An account with the product deployed and its bus made. Use it inside ``with world.connected():``."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        seed: int = 0,
        invoker: Invoker | None = None,
        env: dict[str, str] | None = None,
        around: Wrapper | None = None,
        more: tuple[Path, ...] = (),
        template: Path = ROOT / "template.yml",
    ) -> None:
        self.cloud: Cloud = build(folder, seed, invoker=invoker or InProcessInvoker())
        files = Files(template, ROOT / "s.yaml", env={**SETTINGS, **SOURCES, **(env or {})}, more=more)
        deploy(self.cloud, files, URL)
        self._around = around
        self._start_ms = self.cloud.clock.now_ms()
        self.operator = "ann"

    @contextmanager
    def connected(self) -> Iterator[World]:
        """While it lasts, every SDK of this process talks to this world's cloud as the account's owner."""
        handle = self._around(self.cloud.handle) if self._around else self.cloud.handle
        owner = self.cloud.owner
        keys = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": owner.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": owner.access_key_secret,
            "REPLANK_EVENTBRIDGE_ENDPOINT": URL,
            "REPLANK_API_URL": f"{URL}/http/replank-api",
        }
        with in_process(handle), mock.patch.dict(os.environ, keys):
            self.make_bus()
            yield self

    def make_bus(self) -> None:
        """The custom bus, as ``replank bootstrap`` makes it; once more changes nothing."""
        ensure_bus(OperatorAccount.from_environment())

    # Acting -------------------------------------------------------------------------------------------------------

    @property
    def api(self) -> LookingApi:
        """The HTTP API as an operator uses it who has just looked, through the signed trigger."""
        owner = self.cloud.owner
        return LookingApi(f"{URL}/http/replank-api", owner.access_key_id, owner.access_key_secret, operator=self.operator)

    def load_fleet(self, document: dict[str, Any]) -> None:
        """Put instances into the account."""
        with self.cloud.lock, self.cloud.db.transaction():
            offered(self.cloud.hooks.load_fleet)(document)

    def send(
        self, type: str, data: Any, *, event_id: str = "e1", source: str = "acs.test", bus: str = "replank", **more: Any
    ) -> None:
        """Publish an event as somebody outside would; ``more`` are further attributes."""
        now = datetime.fromtimestamp(self.cloud.clock.now_ms() / 1000, timezone.utc)
        event = {
            "id": event_id,
            "source": source,
            "specversion": "1.0",
            "type": type,
            "subject": "test",
            "time": now.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": data,
            "aliyuneventbusname": bus,
            **more,
        }
        with self.cloud.lock, self.cloud.db.transaction():
            offered(self.cloud.hooks.put_event)(event)

    def set_by_hand(self, table: str, key: tuple[str, str], columns: dict[str, Any]) -> None:
        """Make a row, or set columns of it, as a person does in the Tablestore console."""
        from tablestore import Condition, OTSClient, Row, RowExistenceExpectation

        owner = self.cloud.owner
        client = OTSClient(URL, owner.access_key_id, owner.access_key_secret, "replank")
        anyhow = Condition(RowExistenceExpectation.IGNORE)
        if columns:
            client.update_row(table, Row([key], {"put": list(columns.items())}), anyhow)
        else:
            client.put_row(table, Row([key], []), anyhow)

    def start_job_in_the_console(self, instance_id: str, target: str) -> str:
        """What an operator does when the console driver asks for it."""
        host = URL.partition("//")[2]
        return start_job(self.cloud, host, instance_id, target, pause=lambda: self.run(1))

    # Time ---------------------------------------------------------------------------------------------------------

    def run_until_ms(self, until_ms: int) -> None:
        """Do everything that is due until a virtual moment."""
        while self.cloud.clock.now_ms() < until_ms and self.cloud.step(until_ms):
            pass
        while (
            (due := self.cloud.scheduler.next_due_ms()) is not None
            and due <= self.cloud.clock.now_ms()
            and self.cloud.step(until_ms)
        ):
            pass

    def skip_ms(self, by_ms: int) -> None:
        """Move the clock on without doing what falls due meanwhile."""
        clock = self.cloud.clock
        assert isinstance(clock, VirtualClock)
        clock.advance_to(clock.now_ms() + by_ms)

    def run(self, minutes: float) -> None:
        """Let so many virtual minutes pass."""
        self.run_until_ms(self.cloud.clock.now_ms() + round(minutes * MINUTE_MS))

    def run_until(self, condition: Callable[[], bool], *, minutes: int, every: float = 1) -> None:
        """Let time pass until a condition holds; AssertionError if it does not within so many virtual minutes."""
        end = self.cloud.clock.now_ms() + minutes * MINUTE_MS
        while not condition():
            if self.cloud.clock.now_ms() >= end:
                raise AssertionError(f"not reached within {minutes} minutes:\n{self.summary()}")
            self.run(every)

    # Looking ------------------------------------------------------------------------------------------------------

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

    def states(self) -> dict[str, str]:
        """State by instance id."""
        return {each["instanceId"]: each["state"] for each in self.migrations()}

    def batches(self) -> list[dict[str, Any]]:
        return list(self.api.get("/batches", limit=100)["batches"])

    @property
    def minutes(self) -> float:
        """Virtual minutes since this world began."""
        return (self.cloud.clock.now_ms() - self._start_ms) / MINUTE_MS

    @property
    def now(self) -> str:
        """The cloud's time, ISO 8601."""
        return datetime.fromtimestamp(self.cloud.clock.now_ms() / 1000, timezone.utc).isoformat()

    def inventory(self) -> dict[str, Any]:
        """What the account holds: instances, snapshots, jobs, sources, tokens."""
        found: dict[str, Any] = self._admin("inventory")
        return found

    def disks(self, instance_id: str) -> dict[str, str]:
        """The digest of every disk of an instance, by disk id."""
        return {disk["disk_id"]: disk["digest"] for disk in self._admin("guests")[instance_id]["disks"]}

    def _admin(self, name: str) -> Any:
        return self.cloud.hooks.admin[name](Request("GET", f"/_localcloud/{name}", {}))[1]

    def summary(self) -> str:
        """What a failing test should show."""
        lines = [
            f"{each['instanceId']} {each['state']} hop {each.get('hop')} attempt {each.get('attempt')} {each.get('failure')}"
            for each in self.migrations()
        ]
        failed = [str(each) for each in self.failures()][-5:]
        return "\n".join(lines + failed)

    def failures(self) -> list[dict[str, Any]]:
        """Invocations that ended in an error, newest last, with their logs."""
        return [vars(each) for each in service(self.cloud, "fc").history.newest if each.error]

    def events(self, type: str) -> list[dict[str, Any]]:
        """What was published of a type, oldest first."""
        found = service(self.cloud, "eventbridge").traces.of_bus(self.cloud.account_id, "replank")
        return [each.event for each in found if each.event["type"] == type]

    def at(self, moment: datetime) -> None:
        """Run until a moment of virtual time."""
        self.run_until_ms(to_ms(moment))
