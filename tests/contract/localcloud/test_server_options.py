"""Promises of the cloud's process: it ends on a signal, survives kills, reloads code, limits memory, loads fleets."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fc2.fc_exceptions import FcError
from tablestore import INF_MAX, INF_MIN, CapacityUnit, Direction, OTSClient, ReservedThroughput, Row, TableMeta, TableOptions

from localcloud.client import AdminError
from tests.contract.localcloud.ecs_support import GUESTS, INSTANCES
from tools.deployed.application import write_application
from tools.deployed.process import ROOT, Process, nothing_left_running

WRITERS, ENOUGH, KILLS = 4, 60, 2


@pytest.fixture(autouse=True)
def _nothing_left_running(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with nothing_left_running():
        yield


def arguments(folder: Path) -> list[object]:
    files = write_application(folder)
    return ["--template", files.template, "--services", files.services, "--hold"]


def tables(cloud: Process) -> Any:
    owner = cloud.owner
    return OTSClient(cloud.line["tablestore"], owner.access_key_id, owner.access_key_secret, "replank", retry_policy=Once())


class Once:
    """No retries, so that an unconfirmed write stays unconfirmed."""

    def should_retry(self, *_: object) -> bool:
        return False

    def get_retry_delay(self, *_: object) -> float:
        return 0.0


def test_the_whole_product_is_deployed_when_it_says_so_and_ends_when_told_at_once() -> None:
    """A signal at the very moment of the ready line used to be ignored for ever."""
    for _ in range(3):
        cloud = Process("--template", ROOT / "template.yml", "--services", ROOT / "s.yaml")
        assert cloud.stop() == 0
        assert cloud.line["http"]


def write_rows(client: Any, writer: int, acknowledged: dict[tuple[int, int], str], enough: threading.Event) -> None:
    """Write rows one after another until the cloud is gone. Record each row only after its confirmation."""
    for number in range(100_000):
        value = f"{writer}-{number}"
        try:
            client.put_row("rows", Row([("w", writer), ("n", number)], [("v", value)]))
        except Exception:
            return
        acknowledged[writer, number] = value
        if len(acknowledged) >= ENOUGH:
            enough.set()


def stored(client: Any) -> dict[tuple[int, int], str]:
    found: dict[tuple[int, int], str] = {}
    start: Any = [("w", INF_MIN), ("n", INF_MIN)]
    while start:
        _, start, rows, _ = client.get_range(
            "rows", Direction.FORWARD, start, [("w", INF_MAX), ("n", INF_MAX)], ["v"], 1000, max_version=1
        )
        for row in rows:
            found[row.primary_key[0][1], row.primary_key[1][1]] = row.attribute_columns[0][1]
    return found


def test_rows_acknowledged_survive_kill_9(tmp_path: Path) -> None:
    """Four clients write at once. The process is killed twice, and every confirmed row must exist."""
    acknowledged: dict[tuple[int, int], str] = {}
    for turn in range(KILLS):
        cloud = Process("--state", tmp_path / "state")
        client = tables(cloud)
        if turn == 0:
            meta = TableMeta("rows", [("w", "INTEGER"), ("n", "INTEGER")])
            client.create_table(meta, TableOptions(), ReservedThroughput(CapacityUnit(0, 0)))
        assert {key: value for key, value in stored(client).items() if key in acknowledged} == acknowledged
        enough = threading.Event()
        written: dict[tuple[int, int], str] = {}
        writers = [
            threading.Thread(target=write_rows, args=(tables(cloud), 10 * turn + number, written, enough))
            for number in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        assert enough.wait(30)
        cloud.stop(signal.SIGKILL)
        for writer in writers:
            writer.join(30)
        acknowledged |= written
    last = Process("--state", tmp_path / "state")
    found = stored(tables(last))
    last.stop()
    assert len(acknowledged) >= KILLS * ENOUGH
    assert {key: found.get(key) for key in acknowledged} == acknowledged


def test_changed_code_runs_with_the_next_invocation(tmp_path: Path) -> None:
    cloud = Process(*arguments(tmp_path), "--reload")
    source = tmp_path / "functions" / "echo" / "index.py"
    before = json.loads(cloud.fc.invoke_function("s", "app-echo", payload=b"{}").data)
    same = json.loads(cloud.fc.invoke_function("s", "app-echo", payload=b"{}").data)
    source.write_text(source.read_text().replace('"pid": os.getpid()', '"pid": os.getpid(), "edited": True'))
    os.utime(source, ns=(2**62, 2**62))
    after = json.loads(cloud.fc.invoke_function("s", "app-echo", payload=b"{}").data)
    assert (same["pid"], "edited" in before, after.get("edited"), after["calls"]) == (before["pid"], False, True, 1)


def test_a_function_that_wants_more_memory_than_it_has_fails(tmp_path: Path) -> None:
    given = arguments(tmp_path)
    source = tmp_path / "functions" / "echo" / "index.py"
    source.write_text(
        source.read_text().replace(
            '    if b"BOOM"', "    if b'GREEDY' in event:\n        __import__('mmap').mmap(-1, 1 << 30)\n    if b\"BOOM\""
        )
    )
    for options, fails in (((), False), (("--memory-limit",), True)):
        cloud = Process(*given, *options)
        if fails:
            with pytest.raises(FcError, match="Process exited unexpectedly before completing request"):
                cloud.fc.invoke_function("s", "app-echo", payload=b"GREEDY")
        else:
            cloud.fc.invoke_function("s", "app-echo", payload=b"GREEDY")
        assert json.loads(cloud.fc.invoke_function("s", "app-echo", payload=b"{}").data)["event"] == {}
        cloud.stop()


def test_a_fleet_is_loaded_and_kept(tmp_path: Path) -> None:
    cloud = Process("--state", tmp_path / "state", "--hold")
    assert cloud.client.load_fleet({"pages": [{"Instances": {"Instance": INSTANCES}}], "guests": GUESTS}) == 2
    with pytest.raises(AdminError, match=r"guests.i-none"):
        cloud.client.load_fleet({"pages": [], "guests": {"i-none": {}}})
    before = cloud.client.get("inventory")
    assert set(before["instances"]) == {each["InstanceId"] for each in INSTANCES}
    cloud.stop(signal.SIGKILL)
    again = Process("--state", tmp_path / "state", "--hold")
    assert again.client.get("inventory") == before
