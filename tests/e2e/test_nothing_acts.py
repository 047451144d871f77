"""Whatever a guest, a name, a file or a service says: no command's output, no log line and no page carries it out."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.main import _add_commands_once, app, run
from tests.support.fleets import fleet, instance
from tests.support.loglines import Lines
from tests.support.world import World
from tools.deployed.product import URL

EVIL = "web\x1b]0;owned\x07\x1b[2J\x9b1m\u202e\u2028\x7f"
ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
GUEST = {"cron": [f"* * * * * root /opt/{EVIL}"]}
HERE = Path(__file__)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    monkeypatch.setenv("REPLANK_LOCAL_STATE", str(tmp_path / "local"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for service in ("TABLESTORE", "ECS", "SMC", "FC"):
        monkeypatch.setenv(f"REPLANK_{service}_ENDPOINT", URL)
    monkeypatch.setenv("REPLANK_OPERATOR", "ann")
    monkeypatch.setattr("time.sleep", lambda _: None)
    with World().connected() as connected:
        names: dict[str, Any] = {"InstanceName": EVIL, "HostName": EVIL}
        other = (f"CentOS  7.9 64位 {EVIL}", f"CentOS  7.9 64 bit {EVIL}", "linux")
        connected.load_fleet(fleet(instance(1, **names), instance(2, other, **names)))
        connected.api.post("/batches", {"instanceIds": ["i-test0001", "i-test0002"], "clientToken": "t"})
        connected.run(10)
        yield connected


def files(folder: Path) -> dict[str, str]:
    """Files that a user may have been handed."""
    texts = {
        "fleet": {"Instances": {"Instance": [{"InstanceId": EVIL, EVIL: EVIL}]}},
        "event": {"specversion": "1.0", "id": EVIL, "source": EVIL, "type": EVIL, EVIL: EVIL},
        "facts": {EVIL: EVIL, "instance": {EVIL: EVIL}},
        "policy": {EVIL: EVIL},
    }
    for name, document in texts.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "garbage.json").write_text(EVIL, encoding="utf-8")
    return {name: str(folder / f"{name}.json") for name in (*texts, "garbage")}


def lines(world: World, given: dict[str, str], folder: Path) -> dict[str, list[list[str]]]:
    """For each command, the lines that make it say what others said."""
    (batch,) = [each["batchId"] for each in world.batches()]
    first, second = sorted(each["migrationId"] for each in world.migrations())
    return {
        "acknowledge": [[EVIL, "--yes"], [batch, "--yes"]],
        "approvals": [[], [batch], [EVIL]],
        "approve": [[batch, "--yes"], [EVIL, "--yes", "--why", EVIL], [batch, "--rollback", EVIL, "--yes"]],
        "audit": [[], ["--who", EVIL], ["--csv"]],
        "assess": [["--facts", given["facts"]], ["--facts", given["garbage"]], ["i-test0001"]],
        "bootstrap": [[]],
        "cancel": [["--batch", EVIL, "--yes"], [EVIL], [second]],
        "catalog paths": [[EVIL], ["--catalog", given["policy"]]],
        "catalog releases": [["--catalog", given["garbage"]], []],
        "catalog route": [[EVIL], ["CentOS 7.9", "--to", EVIL]],
        "confirm": [[EVIL], [first]],
        "doctor": [[]],
        "eol": [["--fleet", given["fleet"]], ["--fleet", given["garbage"]]],
        "events send": [[given["event"]], [given["garbage"]]],
        "events validate": [[given["event"]], [given["policy"]]],
        "hold": [["--why", EVIL], ["--show"], ["--release", "--why", EVIL]],
        "invoke": [[EVIL, given["event"]], ["precheck", given["event"]]],
        "local clock": [["--advance", EVIL]],
        "local console": [["--state", EVIL]],
        "local down": [[]],
        "local env": [["--state", EVIL]],
        "local load": [[given["fleet"]], [given["garbage"]]],
        "local up": [["--fleet", given["garbage"]]],
        "login": [[]],
        "logout": [[]],
        "next-wave": [[EVIL], [batch]],
        "pause": [[EVIL, "--why", EVIL], [batch, "--why", EVIL]],
        "plan": [[batch], [EVIL], [batch, "--seed", EVIL]],
        "policy check": [[given["policy"]], [given["garbage"]], [EVIL]],
        "policy schema": [[]],
        "policy set": [[EVIL, given["policy"], "--yes"], [batch, given["policy"], "--yes", "--why", EVIL]],
        "precheck": [[EVIL], ["i-test0001"]],
        "report": [[batch], [EVIL], [batch, "--html", str(folder / "page.html")]],
        "resume": [[EVIL, "--why", EVIL], [batch, "--why", EVIL]],
        "retry": [[EVIL], [second], [batch, "--failed", "--yes"]],
        "rollback": [[EVIL, "--yes"], [first, "--yes"], ["--batch", EVIL, "--yes"]],
        "run": [["--fleet", given["fleet"]], ["--fleet", given["garbage"]]],
        "show": [[first], [second], [EVIL]],
        "snapshots": [[]],
        "left-out": [[EVIL], [batch]],
        "status": [[], [batch], [EVIL]],
        "stop": [[EVIL, "--yes", "--why", EVIL], [batch, "--yes", "--why", EVIL]],
        "submit": [["-i", EVIL], ["-i", "i-test0001", "--policy", given["policy"]], ["-r", EVIL]],
        "sweep": [["--dry-run"], ["--at", EVIL]],
        "watch": [[EVIL]],
        "whoami": [[]],
    }


def commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[str]:
    for name, found in group.commands.items():
        if hasattr(found, "commands"):
            yield from commands(found, (*words, name))
        else:
            yield " ".join((*words, name))


def test_no_command_prints_what_acts(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command there is, as text and as JSON; a new one must be added to the table."""
    table = lines(world, files(tmp_path), tmp_path)
    _add_commands_once()
    known = set(commands(typer.main.get_command(app)))
    assert known - set(table) == set(), "add the command to the table"
    heard = 0
    for command, each in table.items():
        for more in ([], ["--json"]):
            for line in each:
                capsys.readouterr()
                status = run([*command.split(), *line, *more])
                said = capsys.readouterr()
                assert status in (0, 1, 2), (command, line)
                assert not ACTING.search(said.out + said.err), (command, line, said.out + said.err)
                heard += "owned" in said.out + said.err
    assert heard > len(table), "they do show what was said"
    assert not ACTING.search((tmp_path / "page.html").read_text(encoding="utf-8"))


def test_json_keeps_the_values(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    (batch,) = [each["batchId"] for each in world.batches()]
    assert run(["report", batch, "--json"]) == 0
    names = {each["name"] for each in json.loads(capsys.readouterr().out)["instances"]}
    assert names == {EVIL}


def test_no_log_line_and_no_answer_acts(world: World) -> None:
    handler = Lines()
    root = logging.getLogger("replank")
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.INFO)  # whatever level another test has left
    try:
        world.send(f"replank:Nothing:{EVIL}", {"migrationId": EVIL, "batchId": EVIL})
        world.send("replank:OperatingSystem:EndOfLife", {"releases": [EVIL]}, source=EVIL[:40], event_id="e2")
        world.send("replank:OperatingSystem:EndOfLife", {"releases": [EVIL], EVIL: EVIL}, event_id=EVIL[:40])
        world.run(3)
        logging.getLogger("replank").warning("said %s", EVIL, extra={"facts": {"name": EVIL}})
        said = handler.taken()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert any("owned" in line for line in said)
    assert [line for line in said if ACTING.search(line)] == []
    assert not [each for each in world.failures() if ACTING.search(str(each["error"]))]
