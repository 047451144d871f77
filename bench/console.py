"""The operations page over a batch of 10,000 instances: the time to the last byte and the size of each page, and its API calls.

The product's own adapter writes the rows. Page, API and store run in this process. So the times are good for comparison only.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bench.report import RESULTS, table, write
from bench.startup import PROBE
from console import entry
from console.http import Response
from console.session import SESSION, Session, text_of
from console.signature import Credentials
from localcloud.core.http import Request
from shared.domain.batch import Acknowledgement, Batch, BatchState, Selection
from shared.domain.catalog import CATALOG
from shared.domain.chosen import selection_digest
from shared.domain.hop import Hop
from shared.domain.inventory import InstanceCounter
from shared.domain.migration import Failure, Migration, State, first_journal_entry
from shared.domain.policy import Policy
from shared.ports.migrations import NewMigration
from shared.ports.ports import Ports
from shared.runtime.composition import function_credentials, make_ports
from shared.runtime.settings import read_settings
from tools.deployed.product import URL, DeployedProduct
from tools.package.build import CONSOLE, Builder
from tools.package.target import Target
from tools.package.wheelhouse import ROOT

BATCH, KEY = "bench", b"k" * 40
ROUNDS, START_ROUNDS = 3, 7
MOST_BYTES = 150_000
PAGES = {
    "overview": "/",
    "inventory": "/inventory",
    "batches": "/batches",
    "batch": f"/batches/{BATCH}",
    "batch, failed only": f"/batches/{BATCH}?state=failed",
    "batch, a rare text": f"/batches/{BATCH}?text=web-9999",
    "batch, states reversed": f"/batches/{BATCH}?order=-state",
    "all rows as CSV": f"/batches/{BATCH}?format=csv",
    "policy": f"/batches/{BATCH}/policy",
    "left out": f"/batches/{BATCH}/left-out",
    "ready to confirm": "/ready",
    "review of 1,000": f"/batches/{BATCH}/review?act=retry&all=1",
    "plan": f"/batches/{BATCH}/plan",
    "new plan": "/plan",
    "migration": "/migrations/m000001",
    "snapshots": "/snapshots",
    "audit": "/audit",
    "system": "/system",
    "settings": "/settings",
}


class Reader:
    """A person who reads pages. It records the API's time and the number of API calls."""

    def __init__(self, product: DeployedProduct) -> None:
        self._product, self.api_s, self.calls = product, 0.0, 0
        key = product.cloud.identities.of("role:replank-console")
        if key is None:
            raise RuntimeError("template.yml has no role for the console")
        self._role = Credentials(key.access_key_id, key.access_key_secret, key.token)

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        where = urlsplit(url)
        target = where.path + (f"?{where.query}" if where.query else "")
        sent = {"host": where.netloc, **{name.lower(): value for name, value in headers.items()}}
        started = time.perf_counter()
        answer = self._product.cloud.handle(Request(method, target, sent, body))
        self.api_s += time.perf_counter() - started
        self.calls += 1
        return Response(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body)

    def look(self, address: str) -> tuple[float, int]:
        """The seconds and bytes of one page. Raises RuntimeError if the page does not load."""
        now = time.time()  # signatures and sessions use the real time, as those of the SDKs do
        where = urlsplit(address)
        cookie = f"{SESSION}={text_of(Session('ann', int(now) + 3600, 'n'), KEY)}"
        event = {
            "rawPath": f"/console{where.path}",
            "headers": {"Host": "127.0.0.1:9", "Cookie": cookie},
            "queryParameters": dict(parse_qsl(where.query)),
            "requestContext": {"http": {"method": "GET"}},
        }
        environment = {"REPLANK_API_URL": f"{URL}/http/replank-api", "REPLANK_CONSOLE_KEY": KEY.decode()}
        started = time.perf_counter()
        found = entry.answer(event, environment, self._role, entry.Outside(self._send, lambda: now))
        body = base64.b64decode(found["body"])
        if found["statusCode"] != 200:
            raise RuntimeError(f"{address}: {body.decode()[:2000]}")
        return time.perf_counter() - started, len(body)


def fill(ports: Ports, count: int, now: datetime) -> None:
    """Create a batch of ``count`` migrations: some failed, some migrated, the rest ready."""
    selection = Selection(("cn-hangzhou",), releases=("centos-7",))
    given = Acknowledgement("ann", now, "1", (), selection_digest(selection))
    batch = Batch(
        BATCH, BatchState.OPEN, 2, now, "api", "ann", selection, Policy(max_moving=100), acknowledgement=given, size=count
    )
    ports.batches.create(batch)
    states = [State.FAILED] * 2 + [State.MIGRATED] * 3 + [State.READY] * 5
    made = [_created(number, states[number % len(states)], now) for number in range(count)]
    for start in range(0, count, 200):
        ports.migrations.create_migrations(made[start : start + 200])
    counted, systems = (
        InstanceCounter(CATALOG),
        ("CentOS  7.9 64bit", "Red Hat  Enterprise Linux 8.10 64bit", "Ubuntu  18.04 64bit"),
    )
    for number in range(count):
        place = ("", f"{1000000000000000 + number % 40}")[number % 2], f"cn-region-{number % 20}", f"i-bench{number:05}"
        counted.add_instance(place, systems[number % 3], "")
    ports.inventory.write_inventory(counted.inventory(now, ()))


def _created(number: int, state: State, now: datetime) -> NewMigration:
    failure = Failure("migrate", "Job.TimedOut", "The job took longer than six hours.", "Look at the job.")
    migration = Migration(
        migration_id=f"m{number:06}",
        batch_id=BATCH,
        instance_id=f"i-bench{number:05}",
        region_id="cn-hangzhou",
        state=state,
        version=1,
        entered_version=1,
        created_at=now,
        entered_at=now,
        instance_name=f"web-{number}",
        source="CentOS 7.9 64 bit",
        hops=(Hop("centos-7", "alinux-3"),),
        failure=failure if state is State.FAILED else None,
    )
    return NewMigration(migration, first_journal_entry(migration, by="intake", reason="bench"), ())


def measure(count: int) -> list[dict[str, Any]]:
    """The figures of every page: the minimum of several rounds."""
    product = DeployedProduct(env={"REPLANK_LOG_LEVEL": "ERROR"})
    with product.connected():
        place = {"REPLANK_REGION": "cn-hangzhou", "FC_ACCOUNT_ID": product.cloud.account_id, "REPLANK_TABLESTORE_ENDPOINT": URL}
        os.environ.update(place)
        now = datetime.fromtimestamp(product.cloud.clock.now_ms() / 1000, timezone.utc)
        fill(make_ports("intake", read_settings(os.environ), function_credentials(os.environ, None)), count, now)
        found = []
        for name, address in PAGES.items():
            rounds = []
            for _ in range(ROUNDS):
                reader = Reader(product)
                seconds, size = reader.look(address)
                rounds.append((seconds, reader.api_s, reader.calls, size))
            seconds, api_s, calls, size = min(rounds)
            found.append({"page": name, "page_ms": seconds * 1e3, "api_ms": api_s * 1e3, "calls": calls, "bytes": size})
        return found


def started(version: str = "3.10") -> dict[str, float]:
    """The cost of the console's import and initializer, from its package: the minimum of several cold processes."""
    with tempfile.TemporaryDirectory(prefix="replank-console-") as folder:
        builder = Builder(Target(version), Path(folder) / "build", wheels=ROOT / "build" / "wheels")
        if builder.python is None:
            return {}
        builder.build([CONSOLE])
        with zipfile.ZipFile(builder.out / f"{CONSOLE}.zip") as archive:
            archive.extractall(Path(folder) / CONSOLE)
        command = [str(builder.python), "-I", "-S", "-B", str(PROBE), str(Path(folder) / CONSOLE), "function"]
        runs = [subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout for _ in range(START_ROUNDS)]
    found = [json.loads(each.splitlines()[-1]) for each in runs]
    return {name: min(each[name] for each in found) for name in found[0]}


def shown(result: dict[str, Any]) -> str:
    """Each page of the console over one batch: the time until its last byte, how much of it was the API, in
    how many calls, and the page's weight before compression. Page, API and store share this process; the least of three rounds.
    Start-up is that of the package on python3.10, beside api's from the table above."""
    heads = ["page", "ms", "of that the API", "calls", "KB"]
    rows = [
        [each["page"], round(each["page_ms"]), round(each["api_ms"]), each["calls"], each["bytes"] / 1e3]
        for each in result["pages"]
    ]
    text = f"{result['instances']:,} instances.\n\n{table(heads, rows)}"
    measured = RESULTS / "startup.json"
    if not result.get("start") or not measured.exists():
        return text
    api = json.loads(measured.read_text(encoding="utf-8"))["runtimes"].get("3.10", {}).get("api", {})
    starts = [
        [name, round(each["cpu_ms"]), each["modules"], round(each["memory_mib"])]
        for name, each in ((CONSOLE, result["start"]), ("api", api))
        if each
    ]
    return f"{text}\n\n{table(['start-up', 'CPU ms', 'modules', 'MiB'], starts)}"


def main() -> int:
    """Measure and print. Returns 1 if a page is too heavy."""
    options = argparse.ArgumentParser("python -m bench.console", description=__doc__)
    options.add_argument("--instances", type=int, default=10_000)
    given = options.parse_args()
    result: dict[str, Any] = {"instances": given.instances, "pages": measure(given.instances), "start": started()}
    print(shown(result))
    write("console", f"python -m bench.console --instances {given.instances}", result)
    return int(any(each["bytes"] > MOST_BYTES for each in result["pages"] if "CSV" not in each["page"]))


if __name__ == "__main__":
    raise SystemExit(main())
