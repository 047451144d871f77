"""The whole account behind a socket and in a separate process: ready line, clock, workers, kill -9."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_eventbridge import models as eb
from fc2.fc_exceptions import FcError

from localcloud.client import AdminError
from tools.deployed.application import BUS, write_application
from tools.deployed.clients import event
from tools.deployed.process import ROOT, Process, nothing_left_running


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    with nothing_left_running():
        yield


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def arguments(tmp_path: Path) -> list[object]:
    files = write_application(tmp_path / "app")
    return ["--template", files.template, "--services", files.services, "--hold"]


@pytest.fixture
def cloud(arguments: list[object]) -> Iterator[Process]:
    running = Process(*arguments)
    yield running
    if running.process.poll() is None:
        running.stop()


def test_ready_line_and_clean_end(cloud: Process) -> None:
    assert set(cloud.line) >= {
        "tablestore",
        "eventbridge",
        "fc",
        "ecs",
        "smc",
        "region",
        "account_id",
        "instance_name",
        "admin",
        "http",
    }
    assert cloud.line["http"]["app-echo"] == f"{cloud.line['fc']}/http/app-echo"
    assert cloud.admin("/health")["status"] == "ok"
    assert cloud.stop() == 0


def test_functions_run_in_workers_of_their_own(cloud: Process) -> None:
    first = json.loads(cloud.fc.invoke_function("s", "app-echo", payload=b"{}").data)
    second = json.loads(cloud.fc.invoke_function("s", "app-echo", payload=b"{}").data)
    assert (first["calls"], second["calls"], second["pid"]) == (1, 2, first["pid"])
    assert first["pid"] != cloud.process.pid
    assert "http_proxy" not in first["environment"]
    (log, _) = cloud.admin("/logs?function=app-echo")["invocations"]
    assert "initialized app-echo\nheard {}" in log["log"]


def test_worker_that_hangs_or_exits_is_replaced(cloud: Process) -> None:
    exited = r"before completing request \(duration: \d+ms, maxMemoryUsage: [1-9]"
    for payload, what in (
        (b"HANG", "Function time out after 1 seconds"),
        (b"EXIT", exited),
    ):
        with pytest.raises(FcError, match=what):
            cloud.fc.invoke_function("s", "app-echo", payload=payload)
        assert json.loads(cloud.fc.invoke_function("s", "app-echo", payload=b"{}").data)["calls"] == 1


def test_killed_worker_counts_as_a_failed_run_and_is_retried(cloud: Process) -> None:
    pid = json.loads(cloud.fc.invoke_function("s", "app-echo", payload=b"{}").data)["pid"]
    os.kill(pid, signal.SIGKILL)
    cloud.eventbridge.create_event_bus(eb.CreateEventBusRequest(event_bus_name=BUS))
    cloud.eventbridge.put_events([event()])
    cloud.admin("/clock", {"advance_s": 30})
    ended = [each for each in cloud.admin("/invocations")["ended"] if each["source"].startswith("eventbridge")]
    assert ended[-1]["error"] == ""


def test_held_time_moves_only_when_told(cloud: Process) -> None:
    before = cloud.admin("/clock")
    assert before["hold"] is True
    after = cloud.admin("/clock", {"advance_s": 150})
    assert after["now_ms"] - before["now_ms"] == 150_000
    assert len(cloud.admin("/invocations")["ended"]) == 2
    assert cloud.admin("/clock")["now_ms"] == after["now_ms"]


def test_free_time_jumps_and_an_idle_cloud_stops(arguments: list[object]) -> None:
    running = Process(*(each for each in arguments if each != "--hold"), "--instances", 1)
    try:
        start = running.admin("/clock")["now_ms"]
        running.until(lambda: running.admin("/clock")["now_ms"] > start + 10 * 60_000)
    finally:
        assert running.stop() == 0


def test_state_survives_kill_9_and_interrupted_work_is_done_again(arguments: list[object], tmp_path: Path) -> None:
    kept = [*arguments, "--state", tmp_path / "state"]
    first = Process(*kept)
    first.eventbridge.create_event_bus(eb.CreateEventBusRequest(event_bus_name=BUS))
    first.eventbridge.put_events([event(f"e{number}") for number in range(16)])
    first.fc.invoke_function("s", "app-echo", payload=b'"HANG"', headers={"x-fc-invocation-type": "Async"})
    first.stop(signal.SIGKILL)
    second = Process(*kept)
    try:
        assert second.line["access_key_secret"] == first.line["access_key_secret"]
        assert second.eventbridge.get_event_bus(eb.GetEventBusRequest(event_bus_name=BUS)).event_bus_name == BUS
        second.admin("/clock", {"advance_s": 30})
        state = second.admin("/invocations?limit=1000")
        heard = "".join(log.read_text() for log in (tmp_path / "state" / "logs").glob("app-echo-*.log"))
        assert all(f'"id":"e{number}"' in heard for number in range(16))
        assert state["waiting"] == []
        assert any("time out" in each["result"] for each in state["ended"])
    finally:
        second.stop()


def test_what_cannot_start_says_why(tmp_path: Path, arguments: list[object]) -> None:
    def run(*given: object) -> tuple[int, str]:
        ended = subprocess.run(
            [sys.executable, "-m", "localcloud", *map(str, given)], cwd=ROOT, capture_output=True, text=True, timeout=30
        )
        return ended.returncode, ended.stderr

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        status, text = run("--port", taken.getsockname()[1])
        assert (status, "cannot be used" in text) == (2, True)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "cloud.sqlite").write_bytes(b"this is no database at all" * 200)
    status, text = run("--state", damaged)
    assert (status, "damaged" in text, "Traceback" in text) == (2, True, False)
    running = Process("--state", tmp_path / "state")
    status, text = run("--state", tmp_path / "state")
    running.stop()
    assert (status, "in use" in text) == (2, True)
    files = write_application(tmp_path / "wrong")
    files.template.write_text("Resources: 1")
    status, text = run("--template", files.template, "--services", files.services)
    assert (status, "template.yml:1: Resources" in text) == (2, True)


def test_malformed_http_never_harms(cloud: Process) -> None:
    port = int(cloud.line["fc"].rpartition(":")[2])
    for raw in (
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000,
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(raw)
            assert connection.recv(20).startswith(b"HTTP/1.1 4")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(
            f"POST /none HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
            + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        )
        assert connection.recv(20).startswith(b"HTTP/1.1 404")
    assert cloud.admin("/health")["status"] == "ok"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/clock", {"advance_s": -1}, 400),
        ("/clock", {"hold": 1}, 400),
        ("/clock", {"speed": -2}, 400),
        ("/faults", {"rules": [{"kind": "x"}]}, 400),
        ("/none", None, 404),
    ],
)
def test_a_wrong_admin_call_is_refused_with_its_status(cloud: Process, path: str, body: Any, status: int) -> None:
    with pytest.raises(AdminError) as caught:
        cloud.admin(path, body)
    assert caught.value.status == status


def test_faults_and_call_log(cloud: Process) -> None:
    cloud.admin("/faults", {"rules": [{"service": "eventbridge", "operation": "listEventBuses", "kind": "throttle", "times": 1}]})
    with pytest.raises(Exception, match="TooManyRequests"):
        cloud.eventbridge.list_event_buses(eb.ListEventBusesRequest())
    cloud.eventbridge.list_event_buses(eb.ListEventBusesRequest())
    newest = cloud.admin("/calls?limit=2")["newest"]
    assert [(call["operation"], call["code"], call["principal"]) for call in newest] == [
        ("listEventBuses", "Throttling.User", "owner"),
        ("listEventBuses", "", "owner"),
    ]
    assert "aliyun-eventbridge-sdk" in newest[0]["user_agent"]
