"""A batch of 100,000 instances, and a tick with 10,000 migrations in hand: calls, time and memory of the function.

Each function runs in a process of its own, as in Function Compute. Its calls go over a socket to a local cloud in another process.
Nothing else runs meanwhile, because the cloud's time stands still: so the batch is planned, and no precheck begins.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import yaml

from bench.fleets import document
from bench.meter import Meter
from bench.report import interpreter, revision, table, write
from localcloud.core.http import Request, Response
from localcloud.core.server import Server
from shared.domain import events
from shared.domain.batch import RISKS_VERSION, Acknowledgement, Batch, BatchState, Selection
from shared.domain.caller import Caller
from shared.domain.chosen import selection_digest
from shared.domain.hop import Hop
from shared.domain.message import Message
from shared.domain.migration import Migration, State, first_journal_entry
from shared.domain.policy import Policy
from shared.ports.migrations import NewMigration
from shared.ports.ports import Ports
from shared.runtime.composition import function_credentials, make_ports
from shared.runtime.settings import read_settings
from tools.deployed.inprocess import in_process
from tools.deployed.product import ROOT, URL, DeployedProduct

TOKEN, HELD = "bench-scale", "held"
MOVING = 1000
"""The migrations of the batch HELD that hold a slot: as many jobs as SMC allows."""
WAVES = ["1", "1%", "25%"]
PATIENCE_S = 3600
TICK = Message("timer", "tick", "timer", {"payload": "tick"})
HEADS = (
    "what",
    "calls",
    "of them Tablestore",
    "ECS",
    "EventBridge",
    "CPU s",
    "in the account s",
    "limit s",
    "MiB before",
    "MiB at most",
)
PRICES = Path(__file__).with_name("prices.json")


# What is measured, each in a process of its own -----------------------------------------------------------------------


def batch_id() -> str:
    """The id of the large batch."""
    from shared.stages.api.batches import batch_id_from_token

    return batch_id_from_token(TOKEN)


def plan(ports: Ports) -> Any:
    """Intake plans the large batch."""
    from shared.stages import intake

    return intake.handle_message(Message(events.BATCH_SUBMITTED, "e", "replank", {"batchId": batch_id()}), ports).facts


def acknowledge(ports: Ports) -> Any:
    """A person acknowledges the large batch, and the api divides it into waves."""
    from shared.stages.api import batches

    version = ports.batches.load(batch_id()).version
    batches.acknowledge_batch(ports, batch_id(), Caller("ann"), RISKS_VERSION, version)
    return {}


def show_counts(ports: Ports) -> Any:
    """A person looks at the large batch."""
    return {state.value: number for state, number in ports.migrations.state_counts(batch_id()).items()}


def show_plan(ports: Ports) -> Any:
    """A person looks at the plan of the large batch."""
    from shared.stages.api import planning

    return {"instances": planning.batch_plan(ports, batch_id(), seed="1", prices=(0.0, "CNY")).instances}


def tick(ports: Ports) -> Any:
    """One tick of watch."""
    from shared.stages import watch

    return watch.handle_message(TICK, ports).facts


MEASURED: dict[str, tuple[str, str, Callable[[Ports], Any]]] = {
    "plan": ("intake", "intake plans the batch", plan),
    "counts": ("api", "its migrations are counted", show_counts),
    "forecast": ("api", "GET /batches/{id}/plan", show_plan),
    "acknowledge": ("api", "its acknowledgement, which cuts the waves", acknowledge),
    "quiet": ("watch", "a tick: every slot is taken, nothing is due", tick),
    "offers": ("watch", "a tick: every slot is free", tick),
    "due": ("watch", "a tick: 1,000 migrations need a reminder", tick),
}
LARGE = ("plan", "counts", "forecast", "acknowledge")
"""What is measured on the large batch. The rest is measured on the batch in hand."""


def measure(name: str) -> dict[str, Any]:
    """The figures of one function, in this process. Its environment leads to the cloud."""
    function, _, act = MEASURED[name]
    address = urlsplit(os.environ["BENCH_CLOUD"])
    cloud = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE_S)
    meter = Meter()
    ports = make_ports(function, read_settings(os.environ), function_credentials(os.environ, None))
    with in_process(meter.around(lambda request: passed_on(request, cloud))), mock.patch.dict(os.environ, FC_FUNCTION_NAME=name):
        before, since, started = resident_mib(), meter.enter(), time.perf_counter()
        facts = act(ports)
        wall = time.perf_counter() - started
        meter.leave(name, since)
    calls = {f"{service} {operation}": number for (_, service, operation), number in sorted(meter.calls.items())}
    return {
        "calls": calls,
        "capacity_units": dict(meter.units),
        "wall_s": wall,
        "cpu_s": meter.cpu_ms[name] / 1e3,
        "before_mib": before,
        "peak_mib": peak_mib(),
        "facts": facts,
    }


def passed_on(request: Request, cloud: http.client.HTTPConnection) -> Response:
    """Forward the request unchanged, Host included, and return the cloud's answer."""
    cloud.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers.items():
        if name not in ("connection", "accept-encoding", "content-length"):
            cloud.putheader(name, value)
    cloud.putheader("content-length", str(len(request.body)))
    cloud.endheaders(request.body)
    answer = cloud.getresponse()
    return Response(answer.status, dict(answer.headers), answer.read())


def resident_mib() -> float:
    """The memory of this process now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def peak_mib() -> float:
    """The most memory that this process ever had. Unlike ``ru_maxrss``, it leaves out what the parent had at the fork."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024


# The cloud ------------------------------------------------------------------------------------------------------------


def in_hand(ports: Ports, count: int, *, slots: bool) -> None:
    """Make an acknowledged batch of ``count`` migrations that wait for a slot. With ``slots``, the first thousand have one."""
    now = ports.clock.now()
    selection = Selection(("cn-hangzhou",), releases=("centos-7",))
    given = Acknowledgement("ann", now, "1", (), selection_digest(selection))
    policy = Policy(max_moving=MOVING, driver="console")
    ports.batches.create(Batch(HELD, BatchState.OPEN, 2, now, "api", "ann", selection, policy, acknowledgement=given, size=count))
    moving = MOVING if slots else 0
    made = [_held(number, State.SNAPSHOTTING if number < moving else State.READY, now) for number in range(count)]
    for start in range(0, count, 200):
        ports.migrations.create_migrations(made[start : start + 200])
    admission = make_ports("snapshot", read_settings(os.environ), function_credentials(os.environ, None)).admission
    for each in made[:moving]:
        admission.take_slot(admission.slot_use(HELD, each.migration.migration_id), each.migration.migration_id, HELD)


def _held(number: int, state: State, now: datetime) -> NewMigration:
    migration = Migration(
        migration_id=f"m{number:06}",
        batch_id=HELD,
        instance_id=f"i-held{number:06}",
        region_id="cn-hangzhou",
        state=state,
        version=1,
        entered_version=1,
        created_at=now,
        entered_at=now,
        instance_name=f"held-{number}",
        source="CentOS 7.9 64 bit",
        driver="console",
        hops=(Hop("centos-7", "alinux-3"),),
        due_at=now + timedelta(minutes=10) if state is State.SNAPSHOTTING else None,
    )
    return NewMigration(migration, first_journal_entry(migration, by="intake", reason="bench"), ())


def at_minute(minute: int) -> str:
    """The time of the function in ISO 8601. In minute 0 and in some others, a tick has more to do (shared/domain/timing.py)."""
    return f"2026-11-23T12:{minute:02d}:00+00:00"


class ServedProduct:
    """A local cloud with the product deployed. Functions in processes of their own reach it over a socket."""

    def __init__(self) -> None:
        self.product = DeployedProduct(env={"REPLANK_LOG_LEVEL": "ERROR"})
        self._server = Server(0, self.product.cloud.handle)
        self._server.start()
        cloud, owner = self.product.cloud, self.product.cloud.owner
        self.environment = {
            "REPLANK_REGION": "cn-hangzhou",
            "REPLANK_MAX_MOVING": str(MOVING),
            "FC_ACCOUNT_ID": cloud.account_id,
            "REPLANK_TABLESTORE_ENDPOINT": URL,
            "REPLANK_EVENTBRIDGE_ENDPOINT": URL,
            "REPLANK_LOG_LEVEL": "ERROR",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": owner.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": owner.access_key_secret,
            "BENCH_CLOUD": self._server.url,
            "REPLANK_CLOCK": "env:BENCH_NOW",
            "BENCH_NOW": at_minute(0),
        }

    def ports(self, function: str) -> Ports:
        """The ports of a function in this process."""
        return make_ports(function, read_settings(os.environ), function_credentials(os.environ, None))

    def figures(self, name: str, instances: int, *, minute: int = 1) -> dict[str, Any]:
        """The figures of one function, in a process of its own, at a minute of the hour."""
        command = [sys.executable, "-W", "ignore", "-m", "bench.scale", "--measure", name]
        environment = {**os.environ, **self.environment, "BENCH_NOW": at_minute(minute)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr[-3000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        made = {"python": interpreter(), "load": round(os.getloadavg()[0], 1), "code": revision()}
        return {"function": name, "instances": instances, **found, **made}


def large(count: int) -> list[dict[str, Any]]:
    """The figures of a batch of ``count`` instances."""
    served = ServedProduct()
    with mock.patch.object(os, "environ", {**os.environ, **served.environment}), served.product.connected():
        served.product.load_fleet(document(count))
        from shared.stages.api import batches

        asked = {"releases": ["centos-7"], "clientToken": TOKEN, "policy": {"driver": "console", "waves": WAVES}}
        batches.submit_batch(served.ports("api"), asked, Caller("ann"))
        return [served.figures(name, count) for name in LARGE]


def held(count: int) -> list[dict[str, Any]]:
    """The figures of ticks with ``count`` migrations in hand. All slots are free, then taken, then their holders are due."""
    found = []
    for slots, minute, name in ((False, 1, "offers"), (True, 1, "quiet"), (True, 13, "due")):
        served = ServedProduct()
        with mock.patch.object(os, "environ", {**os.environ, **served.environment}), served.product.connected():
            in_hand(served.ports("intake"), count, slots=slots)
            found.append(served.figures(name, count, minute=minute))
    return found


# The page -------------------------------------------------------------------------------------------------------------


def row(found: dict[str, Any]) -> list[Any]:
    """One line of the table."""
    function, what, _ = MEASURED[found["function"]]
    service = Counter[str]()
    for name, number in found["calls"].items():
        service[name.partition(" ")[0]] += number
    counts = [sum(service.values()), service["tablestore"], service["ecs"], service["eventbridge"]]
    times = [found["cpu_s"], in_account_s(found), int(props(function)["timeout"])]
    return [f"{found['instances']:,}: {what}", *counts, *times, round(found["before_mib"]), round(found["peak_mib"])]


def in_account_s(found: dict[str, Any]) -> float:
    """The time that the function would take in an account: its share of a core is that of s.yaml, and the length of a call that of
    prices.json.
    """
    share, latency = float(props(MEASURED[found["function"]][0])["cpu"]), json.loads(PRICES.read_text(encoding="utf-8"))
    return float(found["cpu_s"] / share + sum(found["calls"].values()) * latency["call_latency_ms"] / 1000)


def props(function: str) -> dict[str, Any]:
    """What s.yaml sets for the function."""
    services = yaml.safe_load((ROOT / "s.yaml").read_text(encoding="utf-8"))
    return dict(services["resources"][function]["props"])


def shown(result: dict[str, Any]) -> str:
    """A batch of all instances of one release, with waves, and ticks with many migrations in hand. Each function runs in a process
    of its own. CPU time and memory are those of the function alone; memory before includes Python, the SDKs and what forwards the
    calls. The time in the account is reckoned, not measured: from the CPU time, the function's share of a core in `s.yaml`, and the
    length of a call in `bench/prices.json`. If intake reaches its limit, the tick plans the batch again, which keeps the rows that
    exist. The plan of a batch of more than 10,000 instances reads 10,000 rows for its forecast and a sample for its counts."""
    late = [each for each in result["functions"] if in_account_s(each) > props(MEASURED[each["function"]][0])["timeout"]]
    named = "; ".join(f"{each['instances']:,}: {MEASURED[each['function']][1]}" for each in late)
    beyond = f"\n\nReckoned to take longer than the function may run: {named}." if late else ""
    return table(HEADS, [row(each) for each in result["functions"]]) + beyond


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser("python -m bench.scale", description=__doc__)
    options.add_argument("--instances", type=int, default=100_000, help="instances of the large batch (100000 takes minutes)")
    options.add_argument("--held", type=int, default=10_000, help="migrations in hand during a tick")
    options.add_argument("--measure", choices=[*MEASURED], help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure)))
        return 0
    found = [*large(given.instances), *held(given.held)]
    print(shown({"functions": found}))
    write("scale", f"python -m bench.scale --instances {given.instances} --held {given.held}", {"functions": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
