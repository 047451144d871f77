"""The report for a change board: the same judgements as JSON that fits its schema, as one page, and as a table."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from cli.main import run
from tests.e2e.test_pipeline import migrate, submit
from tests.support.fleets import fleet, instance
from tests.support.world import World


def test_a_batch_is_reported_before_and_after(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with World().connected() as world:
        world.load_fleet(fleet(instance(1), instance(2, Status="Stopped")))
        batch_id = migrate(world, "i-test0001", "i-test0002")
        world.run_until(lambda: "migrated" in world.states().values(), minutes=8 * 60)
        page = tmp_path / "board.html"
        assert run(["report", batch_id, "--json", "--html", str(page)]) == 0
        document = json.loads(capsys.readouterr().out)
        assert run(["report", batch_id]) == 0
        assert "Instance.NotRunning" in capsys.readouterr().out
        assert run(["report", "b-none"]) == 1
        capsys.readouterr()
    assert run(["report", "--schema"]) == 0
    jsonschema.validate(document, json.loads(capsys.readouterr().out))
    rows = {row["instanceId"]: row for row in document["instances"]}
    assert rows["i-test0002"]["verdict"] == "blocked"
    moved = rows["i-test0001"]
    assert moved["verdict"] in ("passed", "warnings")
    assert moved["precheck"] is not None
    assert moved["validation"] is not None
    assert {"same", "expected"} <= {aspect["standing"] for aspect in moved["aspects"]}
    assert "<h3>Before and after</h3>" in page.read_text(encoding="utf-8")


def test_one_migration_is_reported_before_and_after() -> None:
    with World().connected() as world:
        world.load_fleet(fleet(instance(1)))
        submit(world, "i-test0001")
        world.run_until(lambda: set(world.states().values()) == {"ready"}, minutes=30)
        found = world.api.get(f"/migrations/{world.migrations()[0]['migrationId']}/report")["judgement"]
        assert found["precheck"]["blocked"] is False
        assert (found["validation"], found["aspects"]) == (None, [])
