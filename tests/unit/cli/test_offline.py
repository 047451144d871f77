"""Commands that need no account: help, catalog, eol, assess, events validate; and the exit status of mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.support.facts import LINUX
from tests.support.repository import ROOT

COMMANDS = (
    *("submit", "status", "watch", "show", "acknowledge", "confirm", "retry", "cancel", "rollback", "snapshots", "sweep", "eol"),
    *("assess", "precheck", "report", "invoke", "bootstrap", "doctor", "run", "catalog", "events"),
)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    """Exit status and parsed JSON."""
    status = run([*arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert run([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: replank {command}")
    assert len(said.splitlines()) > 4


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    assert [command for command in COMMANDS if f"  {command} " not in said] == []


@pytest.mark.parametrize(
    "arguments", [["fly"], ["show"], ["watch", "b1", "--every", "x"], ["assess"], ["catalog", "route", "Plan 9"]]
)
def test_mistakes_in_what_was_given_end_with_2(arguments: list[str]) -> None:
    assert run(arguments) == 2


def test_settings_that_are_missing_are_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPLANK_API_URL", raising=False)
    assert run(["status", "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["Code"] == "Setting.Missing"


def test_routes_are_planned(capsys: pytest.CaptureFixture[str]) -> None:
    name = "Windows Server  2008 R2 Enterprise Edition 64 bit"
    status, found = answer(capsys, "catalog", "route", name, "--on", "2026-11-23")
    assert (status, [hop["to"] for hop in found["hops"]]) == (0, ["windows-2012r2-datacenter", "windows-2019-datacenter"])
    status, found = answer(capsys, "catalog", "route", "CentOS 7.9", "--to", "anolis-8", "--architecture", "arm64")
    assert (status, found["hops"]) == (0, [{"from": "centos-7", "to": "anolis-8"}])


def test_releases_and_paths_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"key", "name", "osType", "supportEnds"} == set(answer(capsys, "catalog", "releases")[1]["releases"][0])
    paths = answer(capsys, "catalog", "paths", "--from", "alinux-2")[1]["paths"]
    assert [path["to"] for path in paths] == ["alinux-3"]


def test_eol_says_who_is_out_of_support(capsys: pytest.CaptureFixture[str]) -> None:
    fleet = str(ROOT / "examples/fleet.json")
    status, found = answer(capsys, "eol", "--fleet", fleet, "--on", "2026-11-23")
    assert (status, len(found["instances"])) == (1, 34)
    arm = next(each for each in found["instances"] if each["name"] == "replank-arm-04")
    assert arm["route"] == "none: Route.NotSupported"
    assert answer(capsys, "eol", "--fleet", fleet, "--on", "2019-01-01")[0] == 0


def test_eol_tells_where_each_release_stands(capsys: pytest.CaptureFixture[str]) -> None:
    rows = answer(capsys, "eol", "--fleet", str(ROOT / "examples/fleet.json"), "--on", "2026-11-23")[1]["instances"]
    centos = next(each for each in rows if each["release"] == "centos-7")
    assert (centos["standing"], centos["supportEnds"], centos["daysLeft"]) == ("ended", "2024-06-30", -876)
    assert centos["source"]
    assert {each["standing"] for each in rows if each["route"]} <= {"ended", "extended"}


def test_rows_of_ones_own_are_known_offline(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    own = tmp_path / "rows.json"
    path = {"source": "alinux-3", "destination": "rhel-9", "architecture": "x86_64", "source_document": "ticket 42"}
    life = {"product": "centos-7", "support_end": "2030-01-31", "source": "our own contract"}
    own.write_text(json.dumps({"paths": [path], "lifecycle": [life]}), encoding="utf-8")
    more = ("--catalog", str(own))
    assert "rhel-9" in [each["to"] for each in answer(capsys, "catalog", "paths", "--from", "alinux-3", *more)[1]["paths"]]
    found = answer(capsys, "catalog", "route", "--from", "alinux-3", "--to", "rhel-9", "--arch", "x86_64", *more)[1]
    assert found["hops"] == [{"from": "alinux-3", "to": "rhel-9"}]
    fleet = str(ROOT / "examples/fleet.json")
    rows = answer(capsys, "eol", "--fleet", fleet, "--on", "2026-11-23", *more)[1]["instances"]
    assert {each["standing"] for each in rows if each["release"] == "centos-7"} == {"supported"}
    own.write_text('{"paths": [{"source": "alinux-3"}]}', encoding="utf-8")
    assert run(["catalog", "releases", *more]) == 2
    own.write_text("{", encoding="utf-8")
    assert run(["catalog", "releases", *more]) == 2
    assert run(["catalog", "route"]) == 2


def test_assess_applies_the_rules_to_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(LINUX.to_json()), encoding="utf-8")
    status, found = answer(capsys, "assess", "--facts", str(file), "--to", "alinux-3")
    assert (status, found["blocked"]) == (0, False)
    stopped = LINUX.to_json()
    stopped["instance"]["status"] = "Stopped"
    file.write_text(json.dumps(stopped), encoding="utf-8")
    status, found = answer(capsys, "assess", "--facts", str(file))
    assert (status, found["blocked"]) == (1, True)
    file.write_text(json.dumps({**stopped, "colour": 1}), encoding="utf-8")
    assert run(["assess", "--facts", str(file)]) == 2


def test_assess_takes_overrides_with_a_reason(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file, spot = tmp_path / "facts.json", LINUX.to_json()
    spot["instance"]["spot"] = True
    file.write_text(json.dumps(spot), encoding="utf-8")
    assert answer(capsys, "assess", "--facts", str(file))[0] == 1
    status, found = answer(capsys, "assess", "--facts", str(file), "--override", "Instance.Spot=bid is high")
    assert (status, found["overrides"]) == (0, {"Instance.Spot": "bid is high"})
    assert run(["assess", "--facts", str(file), "--override", "Instance.Spot"]) == 2


def test_the_schema_of_facts_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "properties" in json.dumps(answer(capsys, "assess", "--schema")[1])


def test_events_are_checked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert answer(capsys, "events", "validate", str(ROOT / "examples/notices/centos-7.json")) == (
        0,
        {"valid": True, "problems": []},
    )
    wrong = tmp_path / "wrong.json"
    wrong.write_text(
        json.dumps({"specversion": "1.0", "id": "1", "source": "s", "type": "replank:OperatingSystem:EndOfLife", "data": {}})
    )
    status, found = answer(capsys, "events", "validate", str(wrong))
    assert status == 1
    assert "releases" in found["problems"][0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"InstanceId": "i-a"}]', "page 1, record 1 (i-a): the field RegionId is missing"),
        ("{}", "page 1: the field Instances.Instance must be a list"),
    ],
)
def test_a_run_of_a_malformed_fleet_starts_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, said: str
) -> None:
    monkeypatch.setattr("cli.run.cloud.RunningCloud.start", lambda *_: pytest.fail("something was started"))
    file = tmp_path / "fleet.json"
    file.write_text(content, encoding="utf-8")
    assert run(["run", "--fleet", str(file)]) == 2
    assert said in capsys.readouterr().err
