"""A full disk: confirmed writes stay, callers get each service's own error, and the cloud continues once there is space.

The disk is full for one process only: none of its files may grow beyond a few kilobytes (RLIMIT_FSIZE). So every write of the state
fails in the operating system, as on a full disk.
"""

from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.bootstrap import create_bus_if_missing
from cli.problem import Problem
from cli.run.cloud import RunningCloud
from localcloud.account import service
from localcloud.client import AdminError, LocalCloud
from localcloud.core.db import Db
from localcloud.core.state import StateUnwritable
from tests.support.fleets import fleet, instance
from tests.support.world import World
from tools.deployed.process import ROOT

FULL, FREE = 8 * 1024, resource.RLIM_INFINITY


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path / "state"


@contextmanager
def served(state: Path) -> Iterator[RunningCloud]:
    """The product deployed in a separate process."""
    cloud = RunningCloud.start(state, 0, ["cn-hangzhou"])
    try:
        create_bus_if_missing(cloud.account)
        yield cloud
    finally:
        cloud.stop()


def process_of(cloud: RunningCloud) -> subprocess.Popen[str]:
    assert cloud.process is not None
    return cloud.process


def space(cloud: RunningCloud, most: int) -> None:
    resource.prlimit(process_of(cloud).pid, resource.RLIMIT_FSIZE, (most, FREE))


def submit(cloud: RunningCloud, token: str) -> str:
    answer = cloud.api_client("ann").post("/batches", {"instanceIds": ["i-test0001"], "clientToken": token, "dryRun": True})
    return str(answer["batchId"])


def refused(call: Any) -> str:
    with pytest.raises(Problem) as caught:
        call()
    return caught.value.code


def said(state: Path) -> list[str]:
    lines = (state / "localcloud.log").read_text(encoding="utf-8").splitlines()
    told = [line.partition("localcloud: ")[2] for line in lines if "localcloud: " in line]
    return [each for each in told if not each.startswith("scripts in simulated guests")]


def put_row(cloud: RunningCloud) -> str:
    """The error code of a write to Tablestore; empty if the write succeeded."""
    from tablestore import OTSClient, OTSServiceError, Row
    from tablestore.retry import NoRetryPolicy

    ready, policy = cloud.ready, NoRetryPolicy()
    keys = (ready["access_key_id"], ready["access_key_secret"])
    client = OTSClient(ready["tablestore"], *keys, ready["instance_name"], retry_policy=policy)
    try:
        client.put_row("locks", Row([("lock_id", "test")], [("holder", "nobody")]))
    except OTSServiceError as error:
        return str(error.get_error_code())
    return ""


def test_callers_are_told_and_it_goes_on_by_itself(state: Path) -> None:
    with served(state) as cloud:
        admin = LocalCloud(cloud.ready["admin"], cloud.ready["admin_token"])
        admin.post("fleet", fleet(instance(1)))
        first = submit(cloud, "one")
        assert put_row(cloud) == ""
        space(cloud, FULL)
        for _ in range(3):
            assert refused(lambda: submit(cloud, "two")) == "Store.Unavailable"
            assert put_row(cloud) == "OTSInternalServerError"
            assert "InternalError" in refused(lambda: create_bus_if_missing(replace(cloud.account, bus="another")))
        with pytest.raises(AdminError, match=r"State.Unwritable: .* Free space") as caught:
            admin.advance(120)
        assert caught.value.status == 507
        assert admin.get("health")["status"] == "ok"
        space(cloud, FREE)
        second = submit(cloud, "two")
        admin.advance(1800)
        found = {each["batchId"]: each["state"] for each in cloud.api_client("ann").all_items("/batches", "batches")}
        assert found == {first: "open", second: "open"}
        assert len(list(cloud.api_client("ann").all_items("/migrations", "migrations"))) == 2
    failed, recovered = said(state)
    assert failed.startswith(f"State.Unwritable: {state / 'cloud.sqlite'} cannot be written: ")
    assert "Nothing that was answered is lost. Free space" in failed
    assert recovered.endswith("can be written again.")


def test_nothing_answered_is_lost_by_a_kill_without_space(state: Path) -> None:
    with served(state) as cloud:
        kept = [submit(cloud, f"before-{number}") for number in range(5)]
        space(cloud, FULL)
        refused(lambda: submit(cloud, "without-space"))
        process_of(cloud).send_signal(signal.SIGKILL)
        process_of(cloud).wait()
    with served(state) as again:
        found = {each["batchId"] for each in again.api_client("ann").all_items("/batches", "batches")}
        assert found == set(kept)
        assert submit(again, "before-0") == kept[0]
        assert submit(again, "without-space") not in kept


def test_without_any_space_it_does_not_start_and_says_why(state: Path) -> None:
    with served(state):
        pass
    before = (state / "cloud.sqlite").read_bytes()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    command = [sys.executable, "-m", "localcloud", "--state", str(state / "new")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, preexec_fn=limit)
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert ended.stderr.startswith("localcloud: State.Unusable: ")
    command[-1] = str(state)
    command += ["--template", str(ROOT / "template.yml"), "--services", str(ROOT / "s.yaml")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, preexec_fn=limit)
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "State.Un" in ended.stderr
    assert (state / "cloud.sqlite").read_bytes() == before


def test_an_invocation_whose_end_cannot_be_kept_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    queue = service(world.cloud, "fc").queue
    record, seen = queue._record, list[int]()

    def once(function: Any, queued: Any, result: Any) -> None:
        seen.append(world.cloud.in_flight)
        if len(seen) == 1:
            raise StateUnwritable("full")
        record(function, queued, result)

    monkeypatch.setattr(queue, "_record", once)
    with world.connected():
        with world.cloud.lock, world.cloud.db.transaction():
            queue.add("replank-sweep", b'{"triggerTime": "2026-01-01T00:00:00Z", "triggerName": "sweep", "payload": ""}', "test")
        world.run(0.1)
    assert len(seen) == 2
    assert min(seen) > 0
    assert (queue.waiting(), world.cloud.in_flight) == ([], 0)


def test_a_transaction_that_fails_leaves_none_open() -> None:
    """SQLite's own size limit replaces the full disk here. Once it is lifted, the same transaction succeeds."""
    db = Db(None)
    (pages,) = db.sql.execute("PRAGMA page_count").fetchone()
    db.sql.execute(f"PRAGMA max_page_count={pages + 1}")

    def both() -> None:
        with db.transaction():
            db.put_blob("small", b"1")
            with db.transaction():
                db.put_blob("large", b"2" * 100_000)

    for _ in range(2):
        with pytest.raises(StateUnwritable, match="database or disk is full"):
            both()
        assert not db.sql.in_transaction
        assert db.unwritable
    db.sql.execute("PRAGMA max_page_count=1000")
    with db.transaction():
        db.put_blob("large", b"2" * 100_000)
    assert (db.unwritable, len(db.blob("large"))) == ("", 100_000)
    with pytest.raises(KeyError):
        db.blob("small")
    with pytest.raises(sqlite3.OperationalError, match="no such table"), db.transaction():
        db.sql.execute("SELECT 1 FROM absent")
    assert not db.unwritable
