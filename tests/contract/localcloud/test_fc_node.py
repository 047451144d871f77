"""Function Compute through Alibaba Cloud's own Node.js client, over a socket, with workers limited to their memory.

Needs ``node`` and the npm package @alicloud/fc2 2.6.6, which ``make test`` installs (tools/clients.sh); skipped without them. The
client reads an error's code and message from ErrorCode and ErrorMessage.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.contract.localcloud.test_tablestore_node import node
from tools.deployed.application import write_application
from tools.deployed.process import Process, nothing_left_running

SCRIPT = Path(__file__).with_name("fc_node.js")
GREEDY = "    if b'GREEDY' in event:\n        bytearray(1 << 30)\n"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if shutil.which("node") is None or node("-e", "require.resolve('@alicloud/fc2')").returncode:
        pytest.skip("needs node and the npm package @alicloud/fc2: tools/clients.sh tests/clients .venv/clients")
    folder = tmp_path_factory.mktemp("fc")
    files = write_application(folder)
    source = folder / "functions" / "echo" / "index.py"
    source.write_text(source.read_text().replace('    if b"BOOM"', GREEDY + '    if b"BOOM"'))
    with nothing_left_running():
        cloud = Process("--template", files.template, "--services", files.services, "--hold", "--memory-limit")
        run = node(str(SCRIPT), cloud.line["fc"], cloud.owner.access_key_id, cloud.owner.access_key_secret)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_a_result_and_an_error_of_the_handler_arrive(seen: dict[str, Any]) -> None:
    assert json.loads(seen["echo"]["data"])["event"] == {"x": 1}
    assert "error" not in seen["echo"]
    assert (seen["boom"]["error"], seen["boom"]["data"]["errorType"]) == ("UnhandledInvocationError", "ValueError")
    assert seen["queued"]["requestId"]


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        ("exit", r"Process exited unexpectedly before completing request \(duration: \d+ms, maxMemoryUsage: \d+MB\)"),
        ("greedy", r"Process exited unexpectedly before completing request \(duration: \d+ms, maxMemoryUsage: \d+MB\)"),
        ("hang", r"Function time out after 1 seconds"),
    ],
)
def test_what_ended_the_process_is_told_without_a_type(seen: dict[str, Any], attempt: str, message: str) -> None:
    assert seen[attempt]["error"] == "UnhandledInvocationError"
    assert list(seen[attempt]["data"]) == ["errorMessage"]
    assert re.fullmatch(message, seen[attempt]["data"]["errorMessage"])


def test_a_fresh_process_takes_the_next_call(seen: dict[str, Any]) -> None:
    """It has an id of its own. The function sees it in FC_INSTANCE_ID."""
    before, after = (json.loads(seen[attempt]["data"]) for attempt in ("echo", "after"))
    assert after["calls"] == 1
    assert before["environment"]["FC_INSTANCE_ID"] != after["environment"]["FC_INSTANCE_ID"]
    assert after["environment"]["FC_INSTANCE_ID"].startswith("c-")


@pytest.mark.parametrize(
    ("attempt", "status", "code"),
    [
        ("large", 400, "EntityTooLarge"),
        ("largeQueued", 400, "EntityTooLarge"),
        ("kind", 400, "InvalidArgument"),
        ("stranger", 404, "FunctionNotFound"),
        ("version", 404, "VersionNotFound"),
        ("wrong", 403, "SignatureNotMatch"),
        ("path", 400, "PathNotSupported"),
    ],
)
def test_it_understands_refusals(seen: dict[str, Any], attempt: str, status: int, code: str) -> None:
    found = seen[attempt]
    assert (found["code"], found["name"]) == (code, f"FC{code}Error")
    assert f"failed with {status}. requestid: " in found["message"]


def test_a_function_is_shown_with_its_ids_times_and_sizes(seen: dict[str, Any]) -> None:
    shown = seen["shown"]["data"]
    assert (shown["functionName"], shown["memorySize"], shown["instanceConcurrency"]) == ("app-echo", 512, 1)
    assert all(shown[name] for name in ("functionId", "createdTime", "lastModifiedTime", "codeSize"))
    assert re.fullmatch(r"\d{1,20}", shown["codeChecksum"])
    listed = seen["listed"]["data"]
    assert ([each["functionName"] for each in listed["functions"]], listed["nextToken"]) == (["app-dead"], "app-echo")
