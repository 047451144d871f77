"""Tablestore through the Node.js client, over a socket: a second client, so that the emulation does not fit only one.

Needs ``node`` and the npm package tablestore 5.6.5, which ``make test`` installs (tools/clients.sh); skipped without them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from localcloud.core.server import Server
from tests.contract.localcloud.tablestore_support import make_cloud

SCRIPT = Path(__file__).with_name("tablestore_node.js")
INSTALLED = Path(__file__).resolve().parents[3] / ".venv" / "clients" / "node_modules"
ENVIRONMENT = {
    "NODE_PATH": str(INSTALLED),
    **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
}


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["node", *arguments], capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False)


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    if shutil.which("node") is None or node("-e", "require.resolve('tablestore')").returncode:
        pytest.skip("needs node and the npm package tablestore: tools/clients.sh tests/clients .venv/clients")
    cloud, _ = make_cloud()
    server = Server(0, cloud.handle)
    server.start()
    try:
        run = node(str(SCRIPT), server.url, cloud.owner.access_key_id, cloud.owner.access_key_secret)
    finally:
        server.shutdown()
        server.server_close()
        cloud.close()
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def columns(row: dict[str, Any]) -> dict[str, Any]:
    return {each["columnName"]: each["columnValue"] for each in row["attributes"]}


def test_the_table_is_described(seen: dict[str, Any]) -> None:
    described = seen["described"]
    assert described["tableStatus"] == "ACTIVE"
    assert described["tableOptions"] == {
        "timeToLive": -1,
        "maxVersions": 1,
        "deviationCellVersionInSec": "86400",
        "allowUpdate": True,
    }
    assert described["indexMetas"][0]["name"] == "by_c1"


def test_a_row_is_updated(seen: dict[str, Any]) -> None:
    expected = {"b": True, "c1": "v1", "c4": 4, "i": 11, "x": {"type": "Buffer", "data": [0, 255]}}
    assert columns(seen["updated"]) == expected


def test_ranges_of_table_and_index(seen: dict[str, Any]) -> None:
    assert [row["primaryKey"][1]["value"] for row in seen["forward"]["rows"]] == ["k0", "k1", "k2"]
    assert seen["forward"]["nextStartPrimaryKey"][1]["value"] == "k3"
    assert [row["primaryKey"][0]["value"] for row in seen["backward"]["rows"]] == ["v4", "v3"]


def test_batches_transactions_and_errors(seen: dict[str, Any]) -> None:
    assert [row["attributes"] and columns(row) for row in seen["batch"]] == [{"q": "1"}, None]
    assert not seen["before"].get("primaryKey")
    assert columns(seen["after"]) == {"c1": "inside"}
    assert seen["error"]["code"] == 404
    assert "OTSObjectNotExist" in seen["error"]["message"]
