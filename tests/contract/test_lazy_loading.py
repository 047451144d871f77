"""Lazy loading changes no result: every SDK, in a separate process, behaves the same with the switch on and off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_eventbridge import models as eb

from localcloud import account
from localcloud.core.hooks import offered
from localcloud.fc.inprocess import InProcessInvoker
from tests.contract.localcloud.ecs_support import GUESTS, INSTANCES
from tools.deployed.clients import eventbridge
from tools.package.trial import environment_of

SERVICES = ("tablestore", "eventbridge", "ecs", "smc")
TEA = "Tea.exceptions.TeaException"
REFUSALS = {
    "wrong secret": ("OTSAuthFailed", "SignatureDoesNotMatch", "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
    "expired": ("OTSAuthFailed", "RequestExpired", "InvalidTimeStamp.Expired", "InvalidTimeStamp.Expired"),
    "throttled": ("OTSServerBusy", "TooManyRequests", "Throttling.User", "Throttling.User"),
}
"""The cloud's error code, by situation and service."""
NO_ANSWERS = {
    "cut": "http.client.RemoteDisconnected",
    "silent": "builtins.TimeoutError",
    "refused": "builtins.ConnectionRefusedError",
    "no TLS there": "ssl.SSLError",
}
"""The cause of an SDK's error, for any SDK."""
ROOT = Path(__file__).resolve().parents[2]
PAGE = "<html><body>502 网关错误 – try again</body></html>".encode()


class Gateway(BaseHTTPRequestHandler):
    """Answers everything with a page in an unnamed encoding."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(502)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    """The address of a gateway without a backend."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def cloud() -> Iterator[account.Running]:
    """The product deployed, with its bus and two instances, on a port of this process. Time stands still."""
    files = account.Files(ROOT / "template.yml", ROOT / "s.yaml")
    running = account.Running(account.build(invoker=InProcessInvoker()), hold=True, files=files)
    with running.cloud.lock, running.cloud.db.transaction():
        offered(running.cloud.hooks.load_fleet)({"pages": [{"Instances": {"Instance": INSTANCES}}], "guests": GUESTS})
    eventbridge(running.cloud, endpoint=running.describe()["ecs"].removeprefix("http://")).create_event_bus(
        eb.CreateEventBusRequest(event_bus_name="replank")
    )
    yield running
    running.close()


CALLS_OF_FUNCTION = (
    "import os\nfrom shared.runtime import lazy\nlazy.defer_modules(os.environ)\n"
    "from tests.contract import lazy_calls\nlazy_calls.main()"
)
"""Defers first, as the entrypoint of a function does: the module with the calls imports some of the modules too."""


def calls_with(switch: str, cloud: account.Running, page: str) -> dict[str, Any]:
    line = cloud.describe()
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CALLS_OF_FUNCTION],
        input=json.dumps({"cloud": line["ecs"], "admin": line["admin"], "token": line["admin_token"], "page": page}),
        cwd=ROOT,
        env={**kept, **environment_of(line), "REPLANK_LAZY_AIOHTTP": switch},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def lazily(cloud: account.Running, page: str) -> dict[str, Any]:
    """With the switch as it is deployed."""
    return calls_with("1", cloud, page)


@pytest.fixture(scope="module")
def at_once(cloud: account.Running, page: str) -> dict[str, Any]:
    """With the switch off: the SDKs unchanged."""
    return calls_with("0", cloud, page)


def test_the_switch_decides_what_is_loaded(lazily: dict[str, Any], at_once: dict[str, Any]) -> None:
    """No situation needs a deferred module."""
    assert lazily["loaded"] == []
    assert {"aiohttp", "asyncio", "charset_normalizer"} <= set(at_once["loaded"])


@pytest.mark.parametrize("service", SERVICES)
def test_every_outcome_is_the_same(service: str, lazily: dict[str, Any], at_once: dict[str, Any]) -> None:
    """Compares results, and class and code of every error and of all its causes."""
    assert lazily["outcomes"][service] == at_once["outcomes"][service]


@pytest.mark.parametrize("service", SERVICES)
def test_the_outcomes_are_those_meant(service: str, lazily: dict[str, Any]) -> None:
    """Each situation really occurred."""
    found = lazily["outcomes"][service]
    assert set(found) == {"good", *REFUSALS, *NO_ANSWERS, "a gateway's page"}
    assert found["good"]["returned"]
    kind = "tablestore.error.OTSServiceError" if service == "tablestore" else TEA
    for situation, codes in REFUSALS.items():
        assert found[situation]["raised"][1:] == [f"{kind} {codes[SERVICES.index(service)]}"], situation
    unavailable = "_NoAnswer Store.Unavailable" if service == "tablestore" else "Transient Cloud.NoAnswer"
    for situation, cause in NO_ANSWERS.items():
        raised = found[situation]["raised"]
        assert (raised[0].endswith(unavailable), raised[-1]) == (True, cause), situation
    assert found["a gateway's page"]["raised"][0].endswith(unavailable)


def test_what_does_need_aiohttp_works(lazily: dict[str, Any], at_once: dict[str, Any]) -> None:
    """The asynchronous clients are created after all that, and replace the stand-ins by the real modules."""
    assert lazily["asynchronous"] == at_once["asynchronous"] == [True, True]
