"""An argument without effect is an error, and an option takes precedence over a file."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from cli import submission
from cli.client import ApiClient
from cli.main import app, run
from tests.support.api import ApiInHand, ApiInMemory

WITHOUT_EFFECT = [
    ("status --state failed", "--state"),
    ("status --account 1000000000000001", "--account"),
    ("status --order name", "--order"),
    ("sweep --at 2026-12-01T04:00:00Z", "--at"),
    ("assess --schema --facts f.json", "--facts"),
    ("assess --schema --to alinux-3", "--to"),
    ("assess --schema --override A.B=c", "--override"),
    ("assess --schema --catalog f.json", "--catalog"),
    ("assess --schema --on 2026-12-01", "--on"),
    ("report --schema b1", "A batch"),
    ("report --schema --html f.html", "--html"),
    ("retry m1 --yes", "--yes"),
    ("cancel m1 --yes", "--yes"),
    ("cancel m1 --state ready", "--state"),
    ("rollback m1 --yes --state failed", "--state"),
    ("retry b1 --failed --seen-version 3", "--seen-version"),
    ("hold --show --release", "--release"),
    ("hold --show --why x", "--why"),
    ("plan b1 --wait 3", "--wait"),
    ("plan b1 --tag env=prod", "A selection or policy"),
    ("run --notice n.json", "--notice"),
    ("run --guests g.json", "--guests"),
    ("run --expect e.json", "--expect"),
    ("run --on 2026-12-01", "--on"),
    ("run --catalog f.json", "--catalog"),
    ("login --device --no-browser", "--no-browser"),
    ("login --paste --no-browser", "--no-browser"),
    ("login --device --port 8080", "--port"),
    ("local up --guests g.json", "--guests"),
    ("local up --empty --fleet f.json", "--fleet"),
    ("local up --step --speed 2", "--speed"),
    ("local load --guests g.json", "--guests"),
    ("local load --schema --replace", "--replace"),
    ("local clock --step --speed 2", "--speed"),
]
CONFLICTS = [
    ("confirm m1 --batch b1", "Option.Conflict"),
    ("confirm m1 --yes", "Option.NoEffect"),
    ("status b1 --ready-to-confirm", "Option.NoEffect"),
    ("login --device --paste", "Option.Conflict"),
    ("confirm --batch b1 --seen-version 3", "Option.Conflict"),
    ("cancel m1 --batch b1", "Option.Conflict"),
    ("cancel --batch b1 --seen-version 3", "Option.Conflict"),
    ("cancel --batch b1 --state bananas", "Option.Invalid"),
    ("cancel", "Argument.Missing"),
    ("rollback m1 --batch b1", "Option.Conflict"),
    ("rollback --batch b1 --seen-version 3", "Option.Conflict"),
    ("rollback", "Argument.Missing"),
    ("submit -i i-1 --to alinux-3 --to centos-8", "Option.Invalid"),
    ("submit -i i-1 --to i-1=alinux-3 --to i-1=centos-8", "Option.Invalid"),
    ("catalog route centos-7 --from centos-8", "Option.Missing"),
    ("status b1 --state bananas", "Option.Invalid"),
    ("approve b1 --wave 2 --rollback m-1", "Option.Conflict"),
]
ALWAYS = {
    "submit": {"dry_run", *inspect.signature(submission.submission_body).parameters},
    "status": {"batch"},
    "watch": {"batch", "every"},
    "acknowledge": {"batch", "yes"},
    "show": {"migration"},
    "confirm": set(),
    "hold": set(),
    "retry": {"migration", "failed"},
    "pause": {"batch", "why"},
    "resume": {"batch", "why"},
    "next-wave": {"batch"},
    "approve": {"batch", "wave", "rollback", "why", "yes"},
    "approvals": {"batch"},
    "plan": {"batch", "seed", *inspect.signature(submission.submission_body).parameters},
    "left-out": {"batch"},
    "stop": {"batch", "why", "yes"},
    "cancel": set(),
    "rollback": {"yes"},
    "set": {"batch", "file", "why", "yes"},
    "check": {"file"},
    "schema": set(),
    "login": set(),
    "logout": set(),
    "whoami": set(),
    "audit": {"first", "last", "who", "act", "target", "refused", "limit", "as_csv"},
    "report": set(),
    "snapshots": set(),
    "sweep": {"dry_run"},
    "releases": {"catalog"},
    "paths": {"source", "catalog"},
    "route": {"to", "architecture", "on", "allow_end_of_life", "allow_listed", "catalog"},
    "eol": {"fleet", "on", "catalog"},
    "assess": {"schema"},
    "precheck": {"instance", "to", "region", "every"},
    "validate": {"file"},
    "send": {"file"},
    "invoke": {"stage", "event"},
    "bootstrap": {"commands"},
    "doctor": set(),
    "run": {"fleet", "seed", "report", "state", "keep"},
    "up": {"on", "port", "foreground", "state"},
    "down": {"state"},
    "env": {"state"},
    "console": {"state"},
    "load": {"fleet", "state"},
    "clock": {"advance", "state"},
}
"""Parameters that have an effect in every combination. The tables above have a case for each of the other parameters."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ApiInMemory:
    api = ApiInMemory()
    monkeypatch.setattr(ApiClient, "from_environment", lambda: ApiInHand(api))
    return api


@pytest.mark.parametrize(("line", "option"), WITHOUT_EFFECT)
@pytest.mark.usefixtures("api")
def test_an_argument_without_effect_is_an_error(line: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"Option.NoEffect: {option} has no effect ")


@pytest.mark.parametrize(("line", "code"), CONFLICTS)
@pytest.mark.usefixtures("api")
def test_arguments_that_exclude_each_other_are_an_error(line: str, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    assert capsys.readouterr().err.startswith(f"{code}: ")


def test_every_parameter_is_looked_at() -> None:
    """Add a new parameter here: to a table above if some combination would ignore it, else to those that always have an effect."""
    named: dict[str, set[str]] = {}
    for line in (line for line, _ in [*WITHOUT_EFFECT, *CONFLICTS]):
        words = line.split()
        command = words[1] if words[0] in ("catalog", "local") else words[0]
        named.setdefault(command, set()).update(word.lstrip("-").replace("-", "_") for word in words)
    for command, callback in _commands():
        parameters = set(inspect.signature(callback).parameters) - {"as_json"}
        positional = {name: {"migration"} for name in ("confirm", "cancel", "rollback")} | {
            "report": {"batch"},
            "route": {"source", "from_"},
        }
        assert parameters - positional.get(command, set()) - ALWAYS[command] <= named.get(command, set()), command


def _commands() -> list[tuple[str, Any]]:
    run(["--help"])
    found = [(each.name or "", each.callback) for each in app.registered_commands]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        found += [(each.name or "", each.callback) for each in group.typer_instance.registered_commands]
    return [(name or getattr(callback, "__name__", ""), callback) for name, callback in found]


def test_an_option_wins_over_the_policy_file(api: ApiInMemory, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"maxMoving": 50, "check": "old", "files": ["/etc/old"], "canary": 2}))
    assert run(["submit", "-i", "i-1", "--policy", str(file)]) == 0
    options = ["--max-moving", "1", "--check", "", "--file", "/etc/new"]
    assert run(["submit", "-i", "i-1", "--policy", str(file), *options]) == 0
    assert run(["submit", "-i", "i-1"]) == 0
    capsys.readouterr()
    first, second, third = (each.policy for each in api.fakes.batches.rows.values())
    assert (first.max_moving, first.check, first.files, first.canary) == (50, "old", ("/etc/old",), 2)
    assert (second.max_moving, second.check, second.files, second.canary) == (1, "", ("/etc/new",), 2)
    assert third.max_moving == 5


def test_guests_of_the_fleet_file_are_not_silently_preferred(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record: dict[str, Any] = {"InstanceId": "i-1", "RegionId": "cn-hangzhou", "OSName": "CentOS  7.9 64 bit", "OSType": "linux"}
    record |= {"Status": "Running", "Cpu": 2, "Memory": 4096}
    fleet, guests = tmp_path / "fleet.json", tmp_path / "more.json"
    fleet.write_text(json.dumps({"pages": [{"Instances": {"Instance": [record]}}], "guests": {}}))
    guests.write_text("{}")
    assert run(["run", "--fleet", str(fleet), "--guests", str(guests)]) == 2
    assert capsys.readouterr().err.startswith("Option.NoEffect: --guests has no effect")
