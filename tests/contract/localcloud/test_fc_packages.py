"""Functions that run from deployed zips: unpacked, on the runtime's own Python, without any of this machine's packages."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.fc.interpreter import interpreter
from tools.deployed.application import write_application
from tools.deployed.process import Process, nothing_left_running

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
OTHER = next((each for each in ("3.10", "3.12", "3.9") if each != HERE and interpreter(each)), "")
"""A version of Python that does not run the tests."""
TELLING = """
import json, os, sys
import beside
def initialize(context):
    pass
def handler(event, context):
    with_packages = [each for each in sys.path if "site-packages" in each]
    return {"answer": beside.ANSWER, "python": "%d.%d" % sys.version_info[:2], "at": os.getcwd(), "packages": with_packages}
"""


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    with nothing_left_running():
        yield


def pack(folder: Path, answer: int) -> None:
    with zipfile.ZipFile(folder / "build" / "echo.zip", "w") as archive:
        archive.writestr("index.py", TELLING)
        archive.writestr("beside/__init__.py", f"ANSWER = {answer}")


@pytest.mark.skipif(not OTHER, reason="needs a second Python of 3.9, 3.10 or 3.12")
def test_the_zip_runs_on_its_runtime_alone_and_a_new_zip_replaces_it(tmp_path: Path) -> None:
    files = write_application(tmp_path)
    files.services.write_text(files.services.read_text().replace("python3.10", f"python{OTHER}"))
    (tmp_path / "build").mkdir()
    pack(tmp_path, 1)
    state = tmp_path / "state"
    cloud = Process("--template", files.template, "--services", files.services, "--code", "zip", "--state", state, "--hold")
    said = json.loads(cloud.fc.invoke_function("any", "app-echo", payload=b"{}").data)
    assert said["at"].startswith(str(state / "code"))
    assert (said["answer"], said["python"], said["packages"]) == (1, OTHER, [])

    pack(tmp_path, 2)
    cloud.admin("deploy", {})
    assert json.loads(cloud.fc.invoke_function("any", "app-echo", payload=b"{}").data)["answer"] == 2
    assert cloud.stop() == 0
    assert Process("--state", state, "--hold").stop() == 0
    assert not (state / "code").exists(), "what a former process unpacked does not pile up"
