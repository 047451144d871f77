"""EventBridge through Alibaba Cloud's own Node.js client, over a socket: patterns, a template's variables, and events.

Needs ``node`` and the npm package @alicloud/eventbridge 1.3.2, which ``make test`` installs (tools/clients.sh); else it is
skipped.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from localcloud.core.server import Server
from tests.contract.localcloud.account_support import in_process_app
from tests.contract.localcloud.test_tablestore_node import node
from tools.deployed.application import BUS

SCRIPT = Path(__file__).with_name("eventbridge_node.js")
FUNCTION = "acs:fc:cn-hangzhou:1234567890123456:functions/app-echo"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if shutil.which("node") is None or node("-e", "require.resolve('@alicloud/eventbridge')").returncode:
        pytest.skip("needs node and the npm package @alicloud/eventbridge: tools/clients.sh tests/clients .venv/clients")
    with in_process_app(tmp_path_factory.mktemp("events")) as app:
        server = Server(0, app.cloud.handle)
        server.start()
        key = app.cloud.owner
        host = server.url.removeprefix("http://")
        run = node(str(SCRIPT), host, key.access_key_id, key.access_key_secret, BUS, FUNCTION)
        server.shutdown()
        server.server_close()
        app.settle()
        heard = [json.loads(each.result)["event"] for each in app.invocations()]
    assert run.returncode == 0, run.stderr
    return {**json.loads(run.stdout), "heard": heard}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("anotherElement", True),
        ("noOtherElement", False),
        ("notNull", True),
        ("null", False),
        ("notTrue", True),
        ("emptyArray", False),
        ("emptyObject", False),
        ("unequal", True),
        ("equal", False),
        ("address", True),
        ("otherAddress", False),
        ("prefixes", "InvalidEventPattern"),
        ("large", "InvalidEventPattern"),
    ],
)
def test_a_pattern_decides(seen: dict[str, Any], case: str, expected: bool | str) -> None:
    assert seen["patterns"][case] == expected


def test_a_variable_without_a_value_stays_as_written(seen: dict[str, Any]) -> None:
    assert seen["rule"] == {"made": "made", "pattern": '{"type":["shaped"]}'}
    assert seen["heard"] == ["1 ${absent} null ${undefined}"]


def test_each_event_has_its_own_result(seen: dict[str, Any]) -> None:
    assert (seen["published"]["failed"], len(seen["published"]["codes"])) == (1, 2)
    assert seen["published"]["codes"][0] is None


def test_one_call_carries_sixteen_events_of_a_limited_size(seen: dict[str, Any]) -> None:
    taken = {"sixteen": "taken", "large": "taken", "inAll": "taken"}
    refused = {"seventeen": "EventCountExceed", "tooLarge": "EventTooLarge", "tooLargeInAll": "EntityTooLarge"}
    assert seen["limits"] == taken | refused
