"""The command line as an operator uses it, against the whole product in the local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.support import media
from tests.support.fleets import fleet, instance
from tests.support.repository import ROOT
from tests.support.world import World
from tools.deployed.product import URL

FIRST, SECOND = "i-test0001", "i-test0002"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for service in ("TABLESTORE", "ECS", "SMC", "FC"):
        monkeypatch.setenv(f"REPLANK_{service}_ENDPOINT", URL)
    monkeypatch.setenv("REPLANK_OPERATOR", "ann")
    with World().connected() as connected:
        yield connected


class CommandLine:
    """Runs command lines; ``--json`` answers are parsed. Sleeping lets virtual time pass."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world, self._capsys = world, capsys

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.text(*arguments, "--json", status=status))

    def text(self, *arguments: str, status: int = 0) -> str:
        ended = run(list(arguments))
        said = self._capsys.readouterr()
        assert ended == status, said.err
        return said.out if status in (0, 1) and said.out else said.err


@pytest.fixture
def shell(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.setattr("time.sleep", lambda seconds: world.run(max(seconds, 30) / 60))
    return CommandLine(world, capsys)


def test_the_whole_way_by_hand(world: World, shell: CommandLine, tmp_path: Path) -> None:
    world.load_fleet(fleet(instance(1), instance(2)))
    policy = tmp_path / "policy.json"
    policy.write_text('{"retentionDays": 1}')
    batch = shell.json("submit", "-i", FIRST, "-i", SECOND, "--to", "alinux-3", "--policy", str(policy))["batchId"]
    assert "2 ready" in shell.text("watch", batch)
    assert "replank acknowledge" in shell.text("status", batch)
    assert shell.json("acknowledge", batch, "--yes")["acknowledgement"]["operator"] == "ann"
    assert "2 migrated" in shell.text("watch", batch, "--every", "60")
    assert len(shell.json("snapshots")["snapshots"]) == 4
    assert shell.json("confirm", FIRST)["state"] == "confirmed"
    assert "is being rolled back" in shell.text("rollback", SECOND, "--yes")
    assert "Migration.NotRetryable" in shell.text("retry", FIRST, status=1)
    world.run(60)
    shown = shell.text("show", SECOND)
    assert "rolled_back" in shown
    assert "rollback requested" in shown
    assert shell.json("show", FIRST)["acts"] == []
    world.run_sparsely(25 * 60)
    assert shell.json("sweep")["result"] == {"result": "done"}
    assert {each["instanceId"] for each in shell.json("snapshots")["snapshots"]} == {SECOND}
    assert "completed" in shell.text("status", batch)
    assert "1 completed, 1 rolled_back" in shell.text("watch", batch)


def test_many_are_cancelled_and_rolled_back(world: World, shell: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    world.load_fleet(fleet(instance(1), instance(2)))
    first = shell.json("submit", "-i", FIRST, "-i", SECOND, "--to", "alinux-3")["batchId"]
    shell.text("watch", first)
    assert len(shell.json("cancel", "--batch", first, "--yes")["cancelled"]) == 2
    assert "2 cancelled" in shell.text("status", first)
    batch = shell.json("submit", "-i", FIRST, "-i", SECOND, "--to", "alinux-3")["batchId"]
    shell.text("watch", batch)
    shell.text("acknowledge", batch, "-y")
    shell.text("watch", batch, "--every", "60")
    shell.json("confirm", FIRST)
    monkeypatch.setattr("typer.prompt", lambda question, **_: batch)
    told = shell.text("rollback", "--batch", batch, "--state", "migrated", "--state", "confirmed", status=1)
    assert "1 being rolled back.\nNot rolled back: Migration.NotRollbackable" in told
    world.run(60)
    assert "rolled_back" in shell.text("show", SECOND)


def test_a_precheck_says_what_blocks(world: World, shell: CommandLine) -> None:
    world.load_fleet(fleet(instance(1), instance(2, Status="Stopped")))
    assert shell.json("precheck", FIRST)["blocked"] is False
    assert "Instance.NotRunning" in shell.text("precheck", SECOND, status=1)
    both = shell.json("precheck", FIRST, SECOND, status=1)["migrations"]
    assert {each["instanceId"]: each["blocked"] for each in both} == {FIRST: False, SECOND: True}
    assert "Instance.NotFound" in shell.text("precheck", "i-nobody", status=1)
    assert world.inventory()["counts"]["snapshots"] == 0


def test_confirming_a_batch_and_sweeping_by_hand(world: World, shell: CommandLine, tmp_path: Path) -> None:
    world.load_fleet(fleet(instance(1)))
    batch = shell.json("submit", "--release", "CentOS 7")["batchId"]
    shell.text("watch", batch)
    shell.text("acknowledge", batch, "-y")
    shell.text("watch", batch, "--every", "60")
    assert len(shell.json("confirm", "--batch", batch, "--yes")["confirmed"]) == 1
    later = shell.json("sweep", "--dry-run", "--at", "2099-01-01T00:00:00Z")
    assert len(later["snapshots"]) == 2
    assert shell.json("sweep", "--dry-run", "--at", "2020-01-01")["snapshots"] == []


def test_the_account_is_looked_at(world: World, shell: CommandLine) -> None:
    checks = {each["name"]: each["ok"] for each in shell.json("doctor")["checks"]}
    for name in (
        "credentials",
        "event bus",
        "tables",
        "ECS",
        "Cloud Assistant",
        "snapshots",
        "SMC",
        "functions",
        "nothing stands still",
    ):
        assert checks[name] is True, name


def test_what_is_missing_in_the_account_is_named(shell: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLANK_BUS", "nobodys")
    monkeypatch.setenv("REPLANK_TABLESTORE_INSTANCE", "nobodys")
    failed = {each["name"]: each for each in shell.json("doctor", status=1)["checks"] if each["ok"] is False}
    assert set(failed) == {"event bus", "tables"}
    assert all(each["remedy"] for each in failed.values())


def test_the_snapshots_with_windows_media_are_looked_at(world: World, shell: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(status: int = 0) -> dict[str, Any]:
        (found,) = [each for each in shell.json("doctor", status=status)["checks"] if each["name"] == "Windows media"]
        return dict(found)

    assert told()["seen"] == "none named: the guest driver moves no Windows"
    monkeypatch.setenv("REPLANK_WINDOWS_MEDIA", media.SETTING["REPLANK_WINDOWS_MEDIA"])
    missing = told(status=1)
    assert media.SNAPSHOT in missing["seen"]
    assert "REPLANK_WINDOWS_MEDIA" in missing["remedy"]
    media.put_media_snapshot(world.cloud)
    assert told()["seen"] == "1 snapshots are there"


def test_wrong_keys_are_told(shell: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong")
    assert "Signature" in shell.text("status", status=2)


def test_the_bus_is_made_once_and_events_are_sent(world: World, shell: CommandLine) -> None:
    world.load_fleet(fleet(instance(1)))
    assert shell.json("bootstrap") == {"bus": "replank", "created": False}
    notice = str(ROOT / "examples/notices/centos-7.json")
    assert shell.json("events", "send", notice) == shell.json("events", "send", notice) == {"sent": ["notice-centos-7"]}
    world.run(10)
    assert [each["origin"] for each in shell.json("status")["batches"]] == ["notice"]


def test_a_stage_is_invoked_by_hand(shell: CommandLine, tmp_path: Path) -> None:
    answer = shell.json("invoke", "watch", str(ROOT / "events/triggers/timer.json"))
    assert answer["result"] == {"result": "done"}
    assert "Stage.Unknown" in shell.text("invoke", "fly", str(ROOT / "events/triggers/timer.json"), status=2)
    assert "File.Unreadable" in shell.text("invoke", "watch", str(tmp_path / "none.json"), status=2)
