"""What `pip install` gives: the same pins as a checkout, one name in site-packages, and a command that does the main job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared import __version__
from tests.support.repository import ROOT
from tools.package.target import Target, interpreter

FREE = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def run(*command: str | Path, where: Path) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, cwd=where, env=FREE, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def pins(name: str) -> list[str]:
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def test_the_wheel_asks_for_the_pins_of_a_checkout() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = text.partition("dependencies = [\n")[2].partition("]")[0]
    assert [line.strip(' ",') for line in listed.splitlines()] == [*pins("local.txt"), *pins("functions.txt")]


PYTHONS = [str(found) for version in ("3.10", "3.11", "3.12") if (found := interpreter(Target(version)))]
"""Those of this machine that the product supports."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT, where=folder)
    return next(folder.glob("replank-*.whl"))


@pytest.mark.long
@pytest.mark.parametrize("python", PYTHONS)
def test_an_empty_environment_moves_the_sample_fleet(wheel: Path, tmp_path: Path, python: str) -> None:
    run(python, "-m", "venv", "env", where=tmp_path)
    pip, replank = tmp_path / "env/bin/pip", tmp_path / "env/bin/replank"
    before = names(tmp_path)
    run(pip, "install", "-q", "-c", ROOT / "requirements/constraints.txt", wheel, where=tmp_path)
    ours = {"replank", f"replank-{__version__}.dist-info"}
    assert ours <= names(tmp_path) - before
    assert not names(tmp_path) & {"shared", "cli", "tools", "tests", "functions", "localcloud", "events", "launcher"}

    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(replank, "--version", where=empty) == f"replank {__version__}\n"
    assert "centos" in run(replank, "catalog", "route", "CentOS 7.9", where=empty).lower()
    run(replank, "run", where=empty)  # its exit status says whether every expected outcome was reached
    assert json.loads(next(empty.rglob("report.json")).read_text(encoding="utf-8"))
    assert not list((tmp_path / "env/lib").rglob("cloud.sqlite")), "no state lies inside the installed package"

    try:
        assert "export REPLANK_API_URL=" in run(replank, "local", "up", "--port", "0", "--step", where=empty)
        assert "still" in run(replank, "local", "clock", "--advance", "10m", where=empty)
    finally:
        assert "has ended" in run(replank, "local", "down", where=empty)


def names(folder: Path) -> set[str]:
    """What lies in the environment's site-packages."""
    return {path.name for path in next((folder / "env/lib").glob("python*/site-packages")).iterdir()}
