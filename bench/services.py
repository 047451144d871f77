"""The local cloud, service by service: requests per second through the real SDKs, the share of the SDK alone, and the start-up
time.

One client calls over a socket; the cloud runs in a separate process. "The SDK alone" is the same call against a server that returns
the cloud's first answer at once, so the difference is the cloud's own share. CPU time is that of the client's process.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_ecs20140526.client import Client as EcsClient
from alibabacloud_eventbridge import models as eb
from alibabacloud_smc20190601 import models as smc
from alibabacloud_smc20190601.client import Client as SmcClient
from alibabacloud_tea_openapi.models import Config
from tablestore import CapacityUnit, OTSClient, ReservedThroughput, Row, TableMeta, TableOptions
from Tea.core import TeaCore

from bench.fleets import document
from bench.report import table, write
from localcloud.core.http import Request, Response
from localcloud.core.server import Server
from tools.deployed.application import BUS, write_application
from tools.deployed.clients import event, eventbridge, functions
from tools.deployed.process import ROOT, Process

SECONDS = 1.5
READY_S = 2.0
ROUNDS = 5
HEADS = ("service", "call", "requests/s", "the SDK alone", "ms the cloud adds")
Call = Callable[[], Any]


def calls(cloud: Process, url: str) -> dict[tuple[str, str], Call]:
    """One call of each service, sent to ``url``."""
    host, owner = url.removeprefix("http://"), cloud.owner
    keys = {"access_key_id": owner.access_key_id, "access_key_secret": owner.access_key_secret}
    config = Config(**keys, endpoint=host, protocol="http", region_id=cloud.region)
    rows = OTSClient(url, owner.access_key_id, owner.access_key_secret, cloud.line["instance_name"])
    machines, migrations = EcsClient(config), SmcClient(config)
    events, compute = eventbridge(cloud, endpoint=host), functions(cloud, endpoint=url)
    row = Row([("id", "a")], [("v", "x" * 200)])
    return {
        ("Tablestore", "PutRow, durable"): lambda: rows.put_row("bench", row),
        ("Tablestore", "GetRow"): lambda: rows.get_row("bench", [("id", "a")]),
        ("EventBridge", "putEvents, one"): lambda: events.put_events([event(type="nobody")]),
        ("Function Compute", "InvokeFunction"): lambda: compute.invoke_function("s", "app-echo", payload=b"{}"),
        ("ECS", "DescribeInstances"): lambda: machines.describe_instances(ecs.DescribeInstancesRequest(region_id=cloud.region)),
        ("SMC", "ListAccessTokens"): lambda: migrations.list_access_tokens(smc.ListAccessTokensRequest()),
    }


def rate(call: Call, seconds: float = SECONDS) -> float:
    """Calls per second; at least one call is made."""
    call()
    done, started = 0, time.perf_counter()
    while not done or time.perf_counter() - started < seconds:
        call()
        done += 1
    return done / (time.perf_counter() - started)


class Parrot:
    """A process that answers every request with the bytes of one recorded answer."""

    def __init__(self, answer: Response) -> None:
        ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(target=_repeat, args=(theirs, answer), daemon=True)
        self._process.start()
        self.url: str = ours.recv()

    def stop(self) -> None:
        self._process.terminate()
        self._process.join()


def overheard(url: str, call: Call) -> Response:
    """The cloud's answer to a call, recorded by a proxy. The client still signs the cloud's own host name, which the cloud
    requires.
    """
    heard: list[Response] = []
    cloud = http.client.HTTPConnection(urlsplit(url).netloc)
    cloud.connect()
    tap = Server(0, lambda request: _passed_on(request, cloud, heard))
    tap.start()
    with _led_to(tap.port):
        call()
    tap.shutdown()
    tap.server_close()
    cloud.close()
    if heard[-1].status >= 400:
        raise RuntimeError(f"the cloud refused the call to repeat ({heard[-1].status}): {heard[-1].body[:500]!r}")
    return heard[-1]


@contextmanager
def _led_to(port: int) -> Iterator[None]:
    """Within the block, new connections go to another port of this machine. The SDKs use several HTTP clients, but all of
    them connect a socket.
    """
    straight = socket.socket.connect

    def connect(self: socket.socket, address: tuple[str, int]) -> None:
        straight(self, (address[0], port))

    # Clients built on Tea share connections by address for the life of the process. Within the block they start with an empty pool.
    with mock.patch.object(socket.socket, "connect", connect), mock.patch.object(TeaCore, "_sessions", {}):
        yield


def _passed_on(request: Request, cloud: http.client.HTTPConnection, heard: list[Response]) -> Response:
    """Forward the client's request unchanged, Host included, and return the cloud's answer."""
    cloud.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers.items():
        if name not in ("connection", "accept-encoding"):
            cloud.putheader(name, value)
    cloud.endheaders(request.body)
    answer = cloud.getresponse()
    heard.append(Response(answer.status, dict(answer.headers), answer.read()))
    return heard[-1]


def _repeat(pipe: Any, response: Response) -> None:
    server = Server(0, lambda request: response)
    server.start()
    pipe.send(server.url)
    signal.pause()


def measure(cloud: Process, seconds: float = SECONDS) -> list[list[Any]]:
    """The table's rows."""
    url = cloud.line["ecs"]
    rows = []
    for name, call in calls(cloud, url).items():
        # Record with a separate client: the measuring client keeps a connection that bypasses the proxy.
        parrot = Parrot(overheard(url, calls(cloud, url)[name]))
        served, alone = rate(call, seconds), rate(calls(cloud, parrot.url)[name], seconds)
        parrot.stop()
        rows.append([*name, round(served), round(alone), 1000 / served - 1000 / alone])
    return rows


def prepared(folder: Path) -> Process:
    """A served cloud with a table, a bus, functions and a fleet."""
    files = write_application(folder / "app")
    cloud = Process("--state", folder / "state", "--template", files.template, "--services", files.services, "--hold")
    owner, line = cloud.owner, cloud.line
    rows = OTSClient(line["tablestore"], owner.access_key_id, owner.access_key_secret, line["instance_name"])
    rows.create_table(TableMeta("bench", [("id", "STRING")]), TableOptions(), ReservedThroughput(CapacityUnit(0, 0)))
    cloud.eventbridge.create_event_bus(eb.CreateEventBusRequest(event_bus_name=BUS))
    cloud.client.load_fleet(document(2))
    return cloud


def ready_s(rounds: int = ROUNDS) -> float:
    """The seconds from the command to the ready line, with template.yml and s.yaml deployed: the best of several runs."""
    best = 1e9
    for _ in range(rounds):
        cloud = Process("--template", ROOT / "template.yml", "--services", ROOT / "s.yaml")
        best = min(best, cloud.ready_s)
        cloud.stop()
    return best


def shown(result: dict[str, Any]) -> str:
    """One client, over a socket, the cloud in a process of its own with its state on a disk. "The SDK alone" is the same call
    against a server that answers at once with the bytes of the cloud's first answer: what is left is the cloud's own share."""
    rows = [[each[head] for head in HEADS] for each in result["services"]]
    return f"{table(HEADS, rows)}\n\nStart to ready, everything deployed: {result['ready_s']:.2f} s."


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Reports a start that takes too long."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--try", action="store_true", dest="tried", help="one call of each kind; keeps no figure")
    tried = options.parse_args(arguments).tried
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    ready = ready_s(1 if tried else ROUNDS)
    with tempfile.TemporaryDirectory(prefix="localcloud-bench-") as folder:
        cloud = prepared(Path(folder))
        rows = measure(cloud, 0 if tried else SECONDS)
        cloud.stop()
    found = {"ready_s": round(ready, 2), "services": [dict(zip(HEADS, row, strict=True)) for row in rows]}
    print(shown(found))
    if tried:
        return 0
    if ready >= READY_S:
        print(f"The start took {ready:.2f} s, the aim is {READY_S:g} s.", file=sys.stderr)
    write("services", "python -m bench.services", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
