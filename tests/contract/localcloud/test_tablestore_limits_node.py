"""Sizes, pages and limits of Tablestore through the Node.js client, over a socket.

Needs ``node`` and the npm package tablestore 5.6.5, which ``make test`` installs (tools/clients.sh); skipped without them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from localcloud.core.server import Server
from tests.contract.localcloud.tablestore_support import make_cloud
from tests.contract.localcloud.test_tablestore_node import node

SCRIPT = Path(__file__).with_name("tablestore_limits_node.js")


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    if shutil.which("node") is None or node("-e", "require.resolve('tablestore')").returncode:
        pytest.skip("needs node and the npm package tablestore: tools/clients.sh tests/clients .venv/clients")
    cloud, _ = make_cloud()
    server = Server(0, cloud.handle)
    server.start()
    try:
        key = cloud.owner
        run = node(str(SCRIPT), server.url, key.access_key_id, key.access_key_secret, str(cloud.clock.now_ms()))
    finally:
        server.shutdown()
        server.server_close()
        cloud.close()
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def test_the_key_counts_in_the_units_of_a_put(seen: dict[str, Any]) -> None:
    assert seen["units"] == 2  # 1,000 bytes of key and 3,200 of a column: more than 4 KB only together


def test_a_transaction_commits_no_row_that_it_refused(seen: dict[str, Any]) -> None:
    assert "OTSOutOfTransactionDataSizeLimit" in seen["third"]
    assert seen["kept"] == [1, 1, 1000]


def test_a_page_can_be_empty_and_have_a_next(seen: dict[str, Any]) -> None:
    assert [page["rows"] for page in seen["pages"]] == [[], ["c"]]
    assert seen["pages"][0]["read"] > 1000


def test_fewer_versions_hide_those_there_are(seen: dict[str, Any]) -> None:
    assert (seen["before"], seen["after"]) == (["v3", "v2", "v1"], ["v3"])


def test_a_table_is_updated_once_in_two_minutes(seen: dict[str, Any]) -> None:
    assert "OTSTooFrequentReservedThroughputAdjustment" in seen["updateAgain"]
    assert "Reserved throughput adjustment is too frequent." in seen["updateAgain"]


def test_forty_descriptions_at_once_are_too_many(seen: dict[str, Any]) -> None:
    assert seen["tooMany"]
    assert all("Too frequent table operations." in each for each in seen["tooMany"])


@pytest.mark.parametrize(
    ("attempt", "text"),
    [
        ("longIndexColumn", "exceeded the MaxLength: 1024"),
        ("counterAndPut", "cannot be changed otherwise"),
        ("columnsToGet", "limit count: 128, column count: 129"),
        ("oneTimeAndVersions", "cannot be given at the same time"),
        ("indexes", "number of index tables"),
        ("indexType", "can not be used as primary key"),
        ("instance", "Invalid instance name"),
    ],
)
def test_a_limit_holds(seen: dict[str, Any], attempt: str, text: str) -> None:
    assert seen[attempt].startswith("400 ")
    assert "OTSParameterInvalid" in seen[attempt]
    assert text in seen[attempt]


def test_what_no_limit_forbids_is_taken(seen: dict[str, Any]) -> None:
    assert seen["counterAlone"] == "taken"
    assert not seen["search"].get("indices")
