"""An account in this process with the small application deployed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alibabacloud_eventbridge import models as eb

from localcloud import account
from localcloud.core.app import Cloud
from localcloud.core.http import Request
from localcloud.fc.inprocess import InProcessInvoker
from tools.deployed.application import BUS, write_application
from tools.deployed.clients import eventbridge
from tools.deployed.inprocess import in_process


@dataclass
class App:
    """An account in this process with the application deployed; the real clients reach it without a socket."""

    cloud: Cloud
    files: account.Files

    @property
    def fc(self) -> Any:
        return account.service(self.cloud, "fc")

    def deploy(self) -> None:
        account.deploy(self.cloud, self.files, "http://127.0.0.1:1")

    def settle(self, span_ms: int = 0) -> None:
        """Do everything that is due within ``span_ms`` of virtual time."""
        until = self.cloud.clock.now_ms() + span_ms
        for _ in range(10_000):
            if not self.cloud.step(until):
                return
        raise AssertionError("the cloud does not come to rest")

    def invocations(self, function: str = "app-echo") -> list[Any]:
        return list(self.fc.history.of(function))


@contextmanager
def in_process_app(folder: Path, **options: Any) -> Iterator[App]:
    """Deploy into a cloud of this process, create the bus, and route all SDK requests to the cloud."""
    cloud = account.build(invoker=InProcessInvoker(), **options)
    app = App(cloud, write_application(folder))
    app.deploy()
    with in_process(cloud.handle):
        eventbridge(cloud).create_event_bus(eb.CreateEventBusRequest(event_bus_name=BUS))
        yield app
    cloud.close()


def plain(method: str, target: str, body: bytes = b"", **headers: str) -> Request:
    """An unsigned request."""
    return Request(method, target, {"host": "127.0.0.1", **headers}, body)
