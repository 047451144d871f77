"""The decisions in `replank run`: expectations, percentages, results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli import main
from cli.problem import Problem
from cli.run import plan as plans
from cli.run import results
from cli.run.drive import RunLoop
from cli.run.launch import write_catalog_rows
from cli.run.operator import SimulatedOperator
from cli.run.plan import ExpectedOutcome
from cli.run.screen import elapsed_in_words, percent_done
from tests.support.fleets import fleet, instance


def test_the_sample_shows_what_was_asked_for() -> None:
    plan = plans.sample_plan()
    names = {record["OSNameEn"] for record in plan.fleet.instances}
    assert len(plan.fleet.instances) >= 24
    for word in ("CentOS  7", "CentOS  8", "ARM", "Alibaba Cloud Linux  2", "Linux 7.9", "2008 R2", "2012 R2"):
        assert any(word in name for name in names), word
    codes = [each.code for each in plan.expected.values() if each.result == "refused"]
    assert len(set(codes)) >= 5
    assert set(plan.expected) == {record["InstanceId"] for record in plan.fleet.instances}
    assert plan.roll_back
    assert any(guest.get("smc", {}).get("fail_attempts") == 1 for guest in plan.fleet.guests.values())
    (by_tool,) = [batch["instanceIds"] for batch in plan.batches if batch["policy"].get("driver") == "guest"]
    assert [batch["policy"].get("driver", "smc") for batch in plan.batches] == ["smc", "guest", "console"]
    ends = sorted(plan.expected[each].result for each in by_tool)
    assert ends == ["completed", "completed", "failed", "rolled_back"]


def test_the_sample_is_what_its_tool_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tools import sample_fleet

    monkeypatch.setattr(sample_fleet, "FOLDER", tmp_path)
    sample_fleet.main()
    for file in tmp_path.rglob("*.json"):
        assert file.read_text() == (plans.EXAMPLES / file.relative_to(tmp_path)).read_text(), file.name


def test_a_fleet_without_notice_becomes_one_batch(tmp_path: Path) -> None:
    plan = plans.plan_from_files(plans.EXAMPLES / "fleet.json", None, [], None, "2026-11-23")
    assert [len(body["instanceIds"]) for body in plan.batches] == [32]
    assert plan.expected == {}
    expect = tmp_path / "expect.json"
    expect.write_text(json.dumps({"expected": {"i-none": "completed"}}), encoding="utf-8")
    with pytest.raises(Problem, match=r"expected\.i-none"):
        plans.plan_from_files(plans.EXAMPLES / "fleet.json", None, [], expect)


def test_a_wrong_notice_is_named(tmp_path: Path) -> None:
    notice = json.loads((plans.EXAMPLES / "notices/centos-7.json").read_text())
    file = tmp_path / "notice.json"
    changes: list[dict[str, Any]] = [
        {"type": "replank:Batch:BatchSubmitted"},
        {"data": {"releases": []}},
        {"data": {"releases": ["CentOS 7"], "x": 1}},
    ]
    for wrong in changes:
        file.write_text(json.dumps({**notice, **wrong}), encoding="utf-8")
        with pytest.raises(Problem, match=r"Notice\.Invalid"):
            plans.plan_from_files(plans.EXAMPLES / "fleet.json", None, [file], None)


def row(**more: Any) -> dict[str, Any]:
    return {"instanceId": "i-a", "driver": "smc", "result": "completed", "snapshotsMade": 2, **more}


@pytest.mark.parametrize(
    ("found", "expected", "surprises"),
    [
        (row(), {}, 0),
        (row(result="refused", reasons=[{"code": "A.B"}]), {}, 0),
        (row(result="failed", reasons=[{"code": "A.B"}]), {}, 1),
        (row(), {"i-a": ExpectedOutcome("completed")}, 0),
        (row(), {"i-a": ExpectedOutcome("refused", "A.B")}, 1),
        (row(result="refused", reasons=[{"code": "A.B"}]), {"i-a": ExpectedOutcome("refused", "A.B")}, 0),
        (row(result="refused", reasons=[{"code": "C.D"}]), {"i-a": ExpectedOutcome("refused", "A.B")}, 1),
        (row(), {"i-b": ExpectedOutcome("completed")}, 1),
    ],
)
def test_surprises_are_counted(found: dict[str, Any], expected: dict[str, ExpectedOutcome], surprises: int) -> None:
    assert len(results._unexpected_outcomes(found, expected)) == surprises


def test_snapshots_left_behind_and_lost_are_surprises() -> None:
    inventory = {"snapshots": {"s-1": {"InstanceId": "i-a", "SnapshotName": "SMC_Backup_Snapshot_1"}}}
    assert "are left of a confirmed" in results._unexpected_snapshots([row()], inventory)[0]
    assert "all should be kept" in results._unexpected_snapshots([row(result="rolled_back")], inventory)[0]
    assert results._unexpected_snapshots([row(instanceId="i-b")], inventory) == []


def test_what_is_left_in_smc_is_a_surprise_unless_a_person_is_needed() -> None:
    inventory: dict[str, Any] = {"jobs": {"j-1": {}}, "sources": {}, "access_tokens": {"at-1": {}}}
    assert results._leftovers_in_smc([row()], inventory) == ["1 SMC jobs are left", "1 SMC activation codes are left"]
    assert results._leftovers_in_smc([row(result="failed", driver="smc")], inventory) == []
    assert results._leftovers_in_smc([row(result="failed", driver="guest")], inventory), "that driver has nothing in SMC to keep"


def test_what_a_person_made_in_the_console_is_left_to_the_person() -> None:
    jobs = {"j-1": {"InstanceId": "i-a"}, "j-2": {"InstanceId": "i-b"}}
    inventory: dict[str, Any] = {"jobs": jobs, "sources": {"s-1": {"InstanceId": "i-a"}}, "access_tokens": {}}
    rows = [row(driver="console"), row(instanceId="i-b", driver="smc")]
    assert results._leftovers_in_smc(rows, inventory) == ["1 SMC jobs are left"]


@pytest.mark.parametrize(
    ("state", "named", "act"),
    [
        ("failed", True, "rollback"),
        ("migrated", True, "rollback"),
        ("failed", False, "retry"),
        ("migrated", False, "confirmation"),
        ("rolling_back", True, ""),
    ],
)
def test_the_operator_rolls_back_whom_the_scenario_names(state: str, named: bool, act: str) -> None:
    api: Any = SimpleNamespace(post=lambda path, body, *, seen: None)
    operator = SimulatedOperator(api, frozenset({"i-1"} if named else ()), lambda *job: None)
    operator.carry_out_possible_acts([], [{**at(state), "instanceId": "i-1"}])
    assert operator.said == ([f"/migrations/m1/{act}"] if act else [])


def test_the_operator_starts_each_job_of_the_console_driver_once() -> None:
    """An instance of a driver without a person is left alone. Another attempt has another job."""
    route = [{"destination": "alinux-3"}, {"destination": "alinux-4"}]
    api: Any = SimpleNamespace(get=lambda path: {"route": route})
    started: list[tuple[str, str]] = []
    operator = SimulatedOperator(api, frozenset(), lambda *job: started.append(job))
    waits = {**at("snapshotted"), "instanceId": "i-1", "driver": "console"}
    seen = [waits, waits, {**waits, "driver": "smc"}, {**waits, "attempt": 2}, {**waits, "hop": 1}, {**waits, "state": "migrating"}]
    assert [operator.carry_out_possible_acts([], [each]) for each in seen] == [1, 0, 0, 1, 1, 0]
    assert started == [("i-1", "alinux-3"), ("i-1", "alinux-3"), ("i-1", "alinux-4")]


def at(state: str, **more: Any) -> dict[str, Any]:
    return {"state": state, "hop": 0, "hops": 2, "progress": 0, "migrationId": "m1", "version": 1, "attempt": 1, **more}


def test_percentages_grow_with_the_route() -> None:
    path = [
        at("accepted", hops=0),
        at("ready"),
        at("migrating", progress=50),
        at("validating"),
        at("accepted", hop=1),
        at("completed"),
    ]
    shares = [percent_done(each) for each in path]
    assert shares == sorted(shares)
    assert shares[-1] == 100
    assert elapsed_in_words("2026-11-23T08:00:00Z", "2026-11-23T09:05:30.000Z") == "1h05m"


def test_the_step_grows_only_while_nothing_moves() -> None:
    drive = RunLoop(None, None, None, 1)  # type: ignore[arg-type]
    waiting = [at("ready")]
    for now in range(4):
        drive._record_progress(waiting, 0, now)
    assert drive._seconds_to_advance(waiting) > 60
    drive._record_progress([at("snapshotting", version=2)], 0, 5)
    assert drive._seconds_to_advance([at("snapshotting")]) == 60
    assert drive._seconds_to_advance([at("confirmed"), at("precheck_failed")]) == 3600


def test_a_migration_that_failed_for_good_does_not_end_the_run_before_the_sweep() -> None:
    """The run once ended after a day without a change, although the snapshots of all others were due a day later."""
    drive = RunLoop(None, None, None, 1)  # type: ignore[arg-type]
    batches, failed = [{"state": "closed"}], at("failed", attempt=2)
    rest = [at("confirmed"), failed]
    drive._record_progress(rest, 0, 1)
    hour = 3_600_000
    assert not drive._has_run_ended(batches, rest, 48 * hour)
    assert drive._has_run_ended(batches, rest, 10 * 24 * hour), "nor for ever"
    assert drive._has_run_ended(batches, [at("completed"), failed], 2)
    assert drive._seconds_to_advance(rest) == 3600
    assert drive._seconds_to_advance([at("confirmed"), at("failed", attempt=1)]) == 60, "the operator tries it again"


SUPPORTED = (
    "Windows Server  2019 数据中心版 64位中文版",
    "Windows Server  2019 Data Center Edition 64 bit Chinese Edition",
    "windows",
)


def test_a_run_takes_what_eol_names_and_says_why_it_leaves_the_rest(tmp_path: Path) -> None:
    unnamed = instance(3, ("", "", "linux"))
    strange = instance(4, ("Plan 9", "Plan 9", "linux"))
    file = tmp_path / "fleet.json"
    file.write_text(json.dumps(fleet(instance(1), instance(2, SUPPORTED), unnamed, strange)), encoding="utf-8")
    plan = plans.plan_from_files(file, None, [], None, "2026-11-23")
    assert plan.batches[0]["instanceIds"] == ["i-test0001"]
    assert plan.left_out == {
        "i-test0002": "Windows Server 2019 Datacenter is supported until 2029-01-09, in 778 days",
        "i-test0003": "ECS shows no OSName",
        "i-test0004": "the catalog has no release 'Plan 9'",
    }
    later = plans.plan_from_files(file, None, [], None, "2029-02-01")
    assert later.batches[0]["instanceIds"] == ["i-test0001", "i-test0002"], "the day decides"
    with pytest.raises(Problem, match=r"Fleet\.NothingToDo.*2020-01-01"):
        plans.plan_from_files(file, None, [], None, "2020-01-01")


CONVERTED = {
    "i-test0002": {"os_release": {"id": "alinux", "version": "3", "pretty_name": "Alibaba Cloud Linux 3 (OpenAnolis Edition)"}}
}
"""ECS still shows CentOS 7.9 for this instance."""


def test_a_converted_instance_is_left_out_and_the_reason_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fleet.json"
    file.write_text(json.dumps({**fleet(instance(1), instance(2)), "guests": CONVERTED}), encoding="utf-8")
    plan = plans.plan_from_files(file, None, [], None, "2026-11-23")
    assert plan.batches[0]["instanceIds"] == ["i-test0001"]
    reason = "converted: the guest runs Alibaba Cloud Linux 3; ECS still shows CentOS  7.9 64 bit"
    assert plan.left_out["i-test0002"].startswith(f"{reason}; Alibaba Cloud Linux 3 is supported until ")
    assert main.run(["eol", "--fleet", str(file), "--on", "2026-11-23"]) == 1
    said = capsys.readouterr().out
    assert f"i-test0002: {reason}" in said
    assert "1 of 2 instances are out of support" in said


OWN_ROWS = {
    "releases": [
        {
            "key": "house-7",
            "family": "house",
            "version": "7",
            "name": "House Linux 7",
            "os_type": "linux",
            "pattern": "plan (?P<version>9)",
            "source": "ticket 42",
        }
    ],
    "paths": [{"source": "house-7", "destination": "alinux-3", "architecture": "x86_64", "source_document": "ticket 42"}],
    "lifecycle": [{"product": "house-7", "support_end": "2025-01-31", "source": "ticket 42"}],
    "defaults": {"house-7": "alinux-3"},
}


def test_run_takes_catalog_rows_of_the_users_own_as_eol_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, file = tmp_path / "rows.json", tmp_path / "fleet.json"
    rows.write_text(json.dumps(OWN_ROWS), encoding="utf-8")
    file.write_text(json.dumps(fleet(instance(1, ("Plan 9", "Plan 9", "linux")))), encoding="utf-8")
    plan = plans.plan_from_files(file, None, [], None, "2026-11-23", rows)
    assert (plan.batches[0]["instanceIds"], plan.left_out) == (["i-test0001"], {})
    assert plan.digest != replace(plan, rows={}).digest, "a run with other rows is another run"
    told = write_catalog_rows(plan.rows, plan.catalog, tmp_path / "state")
    assert json.loads(Path(told["REPLANK_CATALOG"]).read_text(encoding="utf-8")) == OWN_ROWS
    assert main.run(["eol", "--fleet", str(file), "--on", "2026-11-23", "--catalog", str(rows), "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["instances"]
    assert (found["release"], found["route"]) == ("house-7", "alinux-3")


def test_everything_wrong_with_a_notice_is_told_at_once(tmp_path: Path) -> None:
    notice = json.loads((plans.EXAMPLES / "notices/centos-7.json").read_text())
    file = tmp_path / "notices.json"
    file.write_text(json.dumps([{**notice, "source": "a,b"}, {**notice, "data": {"releases": ["Plan 9"]}}]), encoding="utf-16")
    with pytest.raises(Problem) as raised:
        plans.plan_from_files(plans.EXAMPLES / "fleet.json", None, [file], None, "2026-11-23")
    for said in ("2 problems", "event 0: source", "event 1: data: Catalog.ReleaseUnknown"):
        assert said in raised.value.message
