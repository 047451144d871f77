"""`make deploy` refuses what would hurt before it builds anything; the page's first stack is the template without its rules."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.repository import ROOT

SET = {"REPLANK_REGION": "cn-hangzhou", "REPLANK_TABLESTORE_INSTANCE": "acme"}
FILE = "export REPLANK_REGION=cn-hangzhou REPLANK_TABLESTORE_INSTANCE=acme\nexport REPLANK_SMC_IMPORT_LINUX='a b'\n"
PAGE = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")


def program(path: Path, text: str) -> None:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with Serverless Devs, make, and an environment whose Python finds the runtime's; all of them pretend."""
    program(tmp_path / "bin/s", 'echo "s $*"')
    program(tmp_path / "bin/make", 'echo "make $*"')
    program(tmp_path / "venv/bin/python", "exit 0")
    (tmp_path / "replank.env").write_text(FILE, encoding="utf-8")
    return tmp_path


def deploy(machine: Path, *, version: str = "3.10", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run what `make deploy` runs."""
    command: list[str | Path] = [ROOT / "tools/deploy.sh", machine / "venv", version, machine / "replank.env"]
    environment = {"PATH": f"{machine / 'bin'}:/usr/bin:/bin", **settings}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_it_deploys_with_the_settings_of_the_file(machine: Path) -> None:
    done = deploy(machine, **SET, REPLANK_SMC_IMPORT_LINUX="a b", REPLANK_OPERATOR="jane")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"make {machine}/venv/run.ok", "s deploy -y -a default"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "REPLANK_REGION is not set"),
        ({"REPLANK_REGION": "cn-hangzhou"}, "REPLANK_TABLESTORE_INSTANCE is not set"),
        (SET, "otherwise than .*: REPLANK_SMC_IMPORT_LINUX"),
        ({**SET, "REPLANK_TABLESTORE_INSTANCE": "other", "REPLANK_SMC_IMPORT_LINUX": "a b"}, ": REPLANK_TABLESTORE_INSTANCE"),
    ],
)
def test_it_refuses_a_shell_without_the_settings(machine: Path, settings: dict[str, str], said: str) -> None:
    done = deploy(machine, **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(said, done.stderr)
    assert f". {machine / 'replank.env'}" in done.stderr


def test_without_a_file_it_says_what_the_rest_is_taken_from(machine: Path) -> None:
    (machine / "replank.env").unlink()
    done = deploy(machine, **SET)
    assert done.returncode == 0
    assert "takes the default of s.yaml" in done.stderr


def test_it_looks_for_serverless_devs_before_anything_else(machine: Path) -> None:
    (machine / "bin/s").unlink()
    done = deploy(machine)
    assert (done.returncode, done.stdout) == (1, "")
    assert "npm install -g @serverless-devs/s" in done.stderr


def test_packages_and_runtime_are_of_one_python(machine: Path) -> None:
    (machine / "replank.env").unlink()
    done = deploy(machine, version="3.12", **SET)
    assert (done.returncode, done.stdout) == (1, "")
    assert "runtime: python3.10" in done.stderr


def test_packages_that_cannot_be_tried_are_deployed_on_request_only(machine: Path) -> None:
    (machine / "replank.env").unlink()
    program(machine / "venv/bin/python", "exit 1")
    done = deploy(machine, **SET)
    assert done.returncode == 1
    assert "s deploy" not in done.stdout
    assert "UNTRIED=1" in done.stderr
    done = deploy(machine, **SET, UNTRIED="1")
    assert done.stdout.endswith("s deploy -y -a default\n")
    assert "have NOT been tried" in done.stderr


def test_the_packages_are_built_once() -> None:
    """By s.yaml before `s deploy`, so that `s deploy` alone never uploads old ones; not by make as well."""
    assert "- run: make package" in (ROOT / "s.yaml").read_text(encoding="utf-8")
    assert re.search(r"^deploy: +##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_file_of_settings_is_never_committed() -> None:
    assert "/replank.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_the_first_stack_of_the_page_is_the_template_without_its_rules() -> None:
    """The command is taken from the page and run."""
    found = re.search(r"python -c '(.+?)' <template\.yml", PAGE, re.DOTALL)
    assert found
    program_text = re.sub(r"^ {4}", "", found[1], flags=re.MULTILINE)
    command = [sys.executable, "-c", program_text]
    template = (ROOT / "template.yml").read_text(encoding="utf-8")
    shown = subprocess.run(command, input=template, capture_output=True, text=True, timeout=30, check=True).stdout
    whole, first = yaml.safe_load(template), json.loads(shown)
    kept = {name: each for name, each in whole["Resources"].items() if each["Type"] != "ALIYUN::EventBridge::Rule"}
    assert first == {**whole, "Resources": kept}
    assert len(kept) < len(whole["Resources"])
