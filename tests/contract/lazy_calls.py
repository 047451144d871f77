"""Makes good and bad calls with the four SDKs of the functions, in a process that is started like a function.

Standard input: {"cloud": URL, "admin": URL, "token": TEXT, "page": URL}; the environment is a function's. The last line of standard
output is a JSON object. ``outcomes`` has, by SDK and situation, the result of a good call, or the classes and codes of the raised
errors. ``loaded`` lists the deferred modules that were loaded by then. ``asynchronous`` has the results of the SDKs' asynchronous
calls after that.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from functions.watch import index
from localcloud.client import LocalCloud
from shared.adapters import sdk, sdk_call
from shared.adapters.bus import EventBridgeBus
from shared.adapters.sdk import Account, Clients, Credentials
from shared.adapters.store import RowRange, Store
from shared.domain.events import Event
from shared.domain.retry import RetryPolicy
from shared.runtime import lazy

REGION, BUS, TABLE, KEY, END = "cn-hangzhou", "replank", "locks", (("lock_id", "lazy"),), (("lock_id", "lazz"),)
NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
TEXT = "操作系统 é"
CLOSED = "http://127.0.0.1:9"
"""No server listens on this port."""
READ_TIMEOUT_S = 0.25
"""The read time-out of calls that are meant to time out. All others have the functions' own."""
RETRY = RetryPolicy(calls=2)
"""The retry policy of each call, so that repeating is tested too."""


@dataclass(frozen=True)
class Situation:
    """The target of a call, its secret (empty: the owner's), and how the cloud misbehaves (a fault rule's kind)."""

    url: str
    secret: str = ""
    fault: str = ""


def situations(task: dict[str, str]) -> dict[str, Situation]:
    """All of them, by name."""
    cloud = task["cloud"]
    return {
        "good": Situation(cloud),
        "wrong secret": Situation(cloud, secret="wrong"),
        "expired": Situation(cloud, fault="skew"),
        "throttled": Situation(cloud, fault="throttle"),
        "cut": Situation(cloud, fault="drop_before"),
        "silent": Situation(cloud, fault="timeout_before"),
        "refused": Situation(CLOSED),
        "no TLS there": Situation(cloud.replace("http:", "https:")),
        "a gateway's page": Situation(task["page"]),
    }


def tablestore(clients: Clients) -> Any:
    """Writes, changes and reads a row, alone and in a range; with conditions that hold and that fail."""
    rows = Store(clients)
    rows.put(TABLE, KEY, {"owner": TEXT, "n": 1})
    done: list[Any] = [rows.put_new(TABLE, KEY, {"n": 2}), rows.update(TABLE, KEY, {"n": 3}, expect={"n": 1})]
    done += [rows.update(TABLE, KEY, {"n": 4}, expect={"n": 1}), rows.get(TABLE, KEY)]
    return [*done, rows.read_range(RowRange(TABLE, KEY, END), limit=10), rows.delete(TABLE, KEY, expect={"n": 3})]


def eventbridge(clients: Clients) -> Any:
    """The bus in the list of buses, and an event published on it."""
    from alibabacloud_eventbridge import models

    wanted, client = models.ListEventBusesRequest(name_prefix=BUS), clients.eventbridge_client()
    found = sdk_call.call_service(
        clients, lambda options: SimpleNamespace(body=client.list_event_buses_with_options(wanted, options))
    )
    bus = EventBridgeBus(clients, BUS, SimpleNamespace(now=lambda: NOON))
    bus.publish([Event("replank:Test:Lazy", "lazy-1", "test", {"text": TEXT})])
    return [each.event_bus_name for each in found.event_buses]


def ecs(clients: Clients) -> Any:
    """Instances, with all their fields; the status of the agents."""
    from alibabacloud_ecs20140526 import models

    client, wanted = clients.ecs_client(REGION), models.DescribeInstancesRequest(region_id=REGION, max_results=10)
    found = sdk_call.call_service(clients, lambda options: client.describe_instances_with_options(wanted, options))
    agents = models.DescribeCloudAssistantStatusRequest(region_id=REGION, max_results=10)
    told = sdk_call.call_service(clients, lambda options: client.describe_cloud_assistant_status_with_options(agents, options))
    return [found.instances.to_map(), told.instance_cloud_assistant_status_set.to_map()]


def smc(clients: Clients) -> Any:
    """The source servers (none); a token made, by its fields."""
    from alibabacloud_smc20190601 import models

    wanted, made = models.DescribeSourceServersRequest(page_size=10), models.CreateAccessTokenRequest(name="lazy")
    found = sdk_call.call_service(
        clients, lambda options: clients.smc_client().describe_source_servers_with_options(wanted, options)
    )
    token = sdk_call.call_service(clients, lambda options: clients.smc_client().create_access_token_with_options(made, options))
    return [found.total_count, sorted(token.to_map())]


CALLS: dict[str, Callable[[Clients], Any]] = {"tablestore": tablestore, "eventbridge": eventbridge, "ecs": ecs, "smc": smc}


def account(url: str, secret: str = "") -> Account:
    """The account of the environment, with all services at one address."""
    known = os.environ
    key = Credentials(known["ALIBABA_CLOUD_ACCESS_KEY_ID"], secret or known["ALIBABA_CLOUD_ACCESS_KEY_SECRET"])
    return Account(REGION, known["FC_ACCOUNT_ID"], key, known["REPLANK_TABLESTORE_INSTANCE"], url, url, url, url)


def outcome(service: str, situation: Situation, admin: LocalCloud) -> dict[str, Any]:
    """The result of a call in a situation: the value, or class and code of the error and of each of its causes."""
    with ExitStack() as stack:
        if situation.fault:
            stack.enter_context(admin.faults({"service": service, "kind": situation.fault, "times": -1, "wait_s": 1}))
        if situation.fault == "timeout_before":
            stack.enter_context(impatient())
        try:
            return {"returned": CALLS[service](Clients(account(situation.url, situation.secret), retry=RETRY))}
        except Exception as error:
            return {"raised": list(_chain(error))}


@contextmanager
def impatient() -> Iterator[None]:
    """Within the block, calls time out soon. (unittest.mock would load asyncio, which is deferred.)"""
    before, sdk.READ_TIMEOUT_S = sdk.READ_TIMEOUT_S, READ_TIMEOUT_S  # type: ignore[assignment]
    try:
        yield
    finally:
        sdk.READ_TIMEOUT_S = before


def _chain(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        asked = getattr(error, "get_error_code", None)
        code = asked() if asked else getattr(error, "code", "")
        yield f"{type(error).__module__}.{type(error).__qualname__} {code or ''}".strip()
        error = getattr(error, "inner_exception", None) or error.__cause__ or error.__context__


async def asynchronous(url: str) -> list[Any]:
    """The calls that need aiohttp. No function makes them."""
    from alibabacloud_ecs20140526 import models
    from tablestore import AsyncOTSClient

    known = account(url)
    clients = Clients(known)
    answer = await clients.ecs_client(REGION).describe_regions_with_options_async(
        models.DescribeRegionsRequest(), clients.runtime_options()
    )
    key = known.credentials
    async with AsyncOTSClient(url, key.key_id, key.secret, known.tablestore_instance) as client:
        tables = await client.list_table()
    return [REGION in [each.region_id for each in answer.body.regions.region], TABLE in tables]


def main() -> None:
    """Start as a function does, make every call in every situation, and print the results."""
    index.initialize(None)
    import asyncio  # not earlier, because asyncio itself is deferred

    task = json.load(sys.stdin)
    admin = LocalCloud(task["admin"], task["token"])
    outcomes = {
        service: {name: outcome(service, situation, admin) for name, situation in situations(task).items()} for service in CALLS
    }
    loaded = sorted(name for name in lazy.DEFERRED if not isinstance(sys.modules.get(name), lazy.StandInModule | type(None)))
    print(json.dumps({"outcomes": outcomes, "loaded": loaded, "asynchronous": asyncio.run(asynchronous(task["cloud"]))}))
