"""Tablestore through the Python SDK of the generation before (5.4.4, of 2023), over a socket: other messages, another protobuf.

``make test-long`` installs it into a folder of its own (tools/older.sh), because it does not fit beside the newer SDK.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localcloud.core.server import Server
from tests.contract.localcloud.tablestore_support import make_cloud

pytestmark = pytest.mark.long
SCRIPT = Path(__file__).with_name("tablestore_older.py")
INSTALLED = Path(__file__).resolve().parents[3] / ".venv" / "older"


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    if not (INSTALLED / "installed.txt").exists():
        pytest.skip("needs tablestore 5.4.4: tools/older.sh .venv/bin/python requirements/older.txt .venv/older")
    cloud, _ = make_cloud()
    server = Server(0, cloud.handle)
    server.start()
    proxyless = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    key = cloud.owner
    command = [sys.executable, "-S", "-W", "ignore", str(SCRIPT), server.url, key.access_key_id, key.access_key_secret]
    try:
        run = subprocess.run(
            command, env={**proxyless, "PYTHONPATH": str(INSTALLED)}, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        server.shutdown()
        server.server_close()
        cloud.close()
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


def test_tables_and_indexes(seen: dict[str, Any]) -> None:
    assert (seen["tables"], seen["indexes"], seen["deviation"]) == (["t"], ["by_s"], [86_400, 1000])
    assert (seen["search"], seen["left"]) == ([], [])


def test_rows_ranges_and_units(seen: dict[str, Any]) -> None:
    assert seen["updated"] == {"s": "x1", "v": 11}
    assert (seen["range"], seen["index"]) == ([[0, 1], 2], ["x4", "x3"])
    assert seen["units"] == 2  # 4 KB only together with the key


def test_batches(seen: dict[str, Any]) -> None:
    assert seen["written"] == [True, "OTSConditionCheckFail"]
    assert seen["read"] == [{"v": 1}, None]


def test_a_transaction_and_its_limit(seen: dict[str, Any]) -> None:
    assert (seen["before"], seen["after"]) == (None, [True, False])
    assert seen["large"] == [400, "OTSOutOfTransactionDataSizeLimit"]


def test_refusals(seen: dict[str, Any]) -> None:
    assert (seen["missing"], seen["many"]) == ([404, "OTSObjectNotExist"], [400, "OTSParameterInvalid"])
