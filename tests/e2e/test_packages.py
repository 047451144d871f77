"""The very zips that `make package` builds, deployed: an instance moves with them, on the runtime's own Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.bootstrap import create_bus_if_missing
from cli.client import HttpClient
from cli.run.cloud import RunningCloud
from cli.run.drive import RunLoop
from cli.run.launch import SETTINGS
from cli.run.operator import NAME, SimulatedOperator
from cli.run.screen import PlainScreen
from shared.runtime.composition import FUNCTIONS
from tests.support.fleets import fleet, instance
from tests.support.repository import ROOT
from tools.deployed.process import Process, nothing_left_running
from tools.package.build import Builder
from tools.package.target import Target, interpreter
from tools.package.wheelhouse import NotAvailable

RUNTIME = Target("3.10")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the two deployment files, and the zips where s.yaml looks for them."""
    if interpreter(RUNTIME) is None:
        pytest.skip(f"Python {RUNTIME.version} is not on this machine")
    try:
        Builder(RUNTIME, tmp_path / "build", wheels=ROOT / "build" / "wheels").build()
    except NotAvailable as error:
        pytest.skip(f"the wheels are neither in build/wheels nor to be had: {error}")
    for name in ("s.yaml", "template.yml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


@pytest.fixture
def cloud(checkout: Path) -> Iterator[Process]:
    """All nine functions deployed from their zips."""
    settings = [f"--env={name}={value}" for name, value in SETTINGS.items()]
    files = ["--template", checkout / "template.yml", "--services", checkout / "s.yaml", "--state", checkout / "state"]
    with nothing_left_running():
        yield Process(*files, "--code", "zip", "--hold", *settings)


@pytest.mark.long
def test_the_zips_move_an_instance_from_the_batch_to_the_swept_snapshots(checkout: Path, cloud: Process) -> None:
    owner = RunningCloud(cloud.process, cloud.line, HttpClient())
    owner.load_fleet(fleet(instance(1)))
    create_bus_if_missing(owner.account)
    api = owner.api_client(NAME)
    api.post("/batches", {"instanceIds": ["i-test0001"], "policy": {"retentionDays": 1}})
    RunLoop(owner, SimulatedOperator(api, frozenset(), owner.start_job_in_console), PlainScreen(), 1).run()
    (migration,) = api.all_items("/migrations", "migrations")
    assert (migration["state"], migration["failure"]) == ("completed", None)

    took_part = {each["name"] for each in cloud.admin("functions")["functions"] if each["invocations"]}
    assert took_part == {f"replank-{name}" for name in FUNCTIONS} - {"replank-rollback"}
    unpacked = {path.name.rpartition("-")[0] for path in (checkout / "state" / "code").iterdir()}
    assert unpacked == took_part, "each from its own zip"
