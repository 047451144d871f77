"""The local cloud for those who want nothing else: its wheel holds all of it, and the page's examples run as they stand."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.localcloud.test_tablestore_node import ENVIRONMENT, node

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "launcher" / "localcloud"
PAGE = ROOT / "docs" / "local-alibaba-cloud.md"
FREE = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy") and name != "PYTHONPATH"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies in site-packages once the wheel is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(FOLDER)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def folder(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with ready.json, while a cloud of the wheel serves; nothing of the checkout is in reach."""
    made = tmp_path_factory.mktemp("user")
    command = [sys.executable, "-m", "localcloud", "--state", "cloud"]
    environment = {**FREE, "PYTHONPATH": str(installed)}
    with subprocess.Popen(command, cwd=made, env=environment, stdout=subprocess.PIPE, text=True) as cloud:
        assert cloud.stdout is not None
        (made / "ready.json").write_text(cloud.stdout.readline())
        yield made
        cloud.send_signal(signal.SIGTERM)
    assert cloud.returncode == 0


def example(heading: str) -> str:
    """The first block of code under a heading of the page, with its blank lines."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    block = re.search(r"(?:^(?: {4}.*)?\n)+", text[text.index("\n    ") + 1 :], re.MULTILINE)
    assert block
    return "".join(line.removeprefix("    ") for line in block.group().splitlines(keepends=True))


def test_the_wheel_holds_the_local_cloud_and_nothing_else(installed: Path) -> None:
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {"localcloud"}
    tracked = subprocess.run(["git", "ls-files", "localcloud"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [name for name in tracked.splitlines() if not (installed / name).is_file()] == []


def test_the_wheel_asks_for_the_pins_of_a_checkout() -> None:
    pinned = "".join((ROOT / "requirements" / name).read_text() for name in ("local.txt", "functions.txt", "constraints.txt"))
    asked = re.findall(r'^    "(\S+==\S+)",$', (FOLDER / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(asked) > 5
    assert [pin for pin in asked if pin.lower() not in pinned.lower().splitlines()] == []


def test_the_examples_run_as_they_stand(folder: Path) -> None:
    (folder / "example.py").write_text(example("In Python"))
    done = subprocess.run([sys.executable, "example.py"], cwd=folder, env=FREE, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-2:]) == (0, ["('v', 1)", "0"]), done.stderr
    if node("-e", "require.resolve('@alicloud/pop-core')").returncode:
        pytest.skip("needs node and the npm packages of tests/clients")
    (folder / "example.js").write_text(example("In Node.js"))
    done = subprocess.run(["node", "example.js"], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, sorted(done.stdout.split())) == (0, ["0", "v"]), done.stderr
