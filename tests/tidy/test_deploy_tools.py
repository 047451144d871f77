"""The deployment files, judged by tools that are not ours: Serverless Devs, and the property classes that ROS publishes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from localcloud.core.app import ACCOUNT_ID, REGION
from localcloud.deploy.document import Document, load
from localcloud.deploy.intrinsics import EXECUTOR_ID, Resolver
from tests.support.repository import ROOT

PACKAGES = ROOT / ".venv" / "deploytools"
GATEWAY = (ROOT / "gateway.yml").read_text(encoding="utf-8")
MEMBER = (ROOT / "member.yml").read_text(encoding="utf-8")
TEMPLATE, SERVICES = (ROOT / "template.yml").read_text(encoding="utf-8"), (ROOT / "s.yaml").read_text(encoding="utf-8")
MONITORING = (ROOT / "monitoring.yml").read_text(encoding="utf-8")
needs_packages = pytest.mark.skipif(
    not shutil.which("node") or not (PACKAGES / "node_modules").is_dir(),
    reason="needs node and the npm packages of tests/deploytools, which `make test-long` installs",
)


def resolved(text: str, tmp_path: Path) -> list[dict[str, Any]]:
    """The resources of a template with every function carried out."""
    path = tmp_path / "template.yml"
    path.write_text(text, encoding="utf-8")
    document: Document = load(path)
    resolver = Resolver(document, REGION, ACCOUNT_ID)
    resources = document.value["Resources"].items()
    found = [
        {"name": name, "type": each["Type"], "properties": resolver.resolve(each["Properties"], ())} for name, each in resources
    ]
    assert document.problems == []
    return found


def judged(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """What the property classes say."""
    command = ["node", str(ROOT / "tests/deploytools/ros.js"), str(PACKAGES)]
    done = subprocess.run(command, input=json.dumps(resources), capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.long
@needs_packages
@pytest.mark.parametrize("text", [TEMPLATE, GATEWAY, MEMBER], ids=["template.yml", "gateway.yml", "member.yml"])
def test_the_property_classes_of_ros_accept_the_template(tmp_path: Path, text: str) -> None:
    resources = resolved(text, tmp_path)
    assert judged(resources) == {"problems": [], "judged": len(resources), "unjudged": []}


@pytest.mark.long
@needs_packages
def test_the_property_classes_of_ros_accept_the_monitoring(tmp_path: Path) -> None:
    resources = resolved(MONITORING, tmp_path)
    assert judged(resources) == {"problems": [], "judged": len(resources), "unjudged": []}
    wrong = resolved(MONITORING.replace("SilenceTime: 14400", "Silence: 14400").replace("TTL:", "Days:"), tmp_path)
    assert {each["name"] for each in judged(wrong)["problems"]} == {"DeadLetters", "LogStore"}


@pytest.mark.long
@needs_packages
def test_the_registry_of_serverless_devs_takes_the_description_of_the_package() -> None:
    """By the very schema that `s registry publish` compiles, taken out of its bundle."""
    bundle = (PACKAGES / "node_modules/@serverless-devs/s/lib/index.js").read_text(encoding="utf-8")
    at = bundle.index("publishSchema={type:") + len("publishSchema=")
    code = f"console.log(JSON.stringify({bundle[at : bundle.index('};', at) + 1]}))"
    schema = json.loads(subprocess.run(["node", "-e", code], capture_output=True, text=True, timeout=60, check=True).stdout)
    described = yaml.safe_load((ROOT / "publish.yaml").read_text(encoding="utf-8"))
    validator = Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(described)] == []
    assert "'Edition' is a required property" in [error.message for error in validator.iter_errors({})]


@pytest.mark.long
@needs_packages
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("Resource: ['*']", "Resource: '*'", "resource"),
        ("ErrorsTolerance: ALL", "ErrorTolerance: ALL", "ErrorTolerance: unknown property"),
        ("TimeToLive: -1", "TimeToLive: never", "timeToLive"),
        ("QueueName: replank-dead-letters", "Queue: replank-dead-letters", "queueName"),
        ("RequestMode: MAPPING", "RequestMode: MAP", "requestMode"),
        ("FcType: FCEvent", "FcType: Event", "fcType"),
        ("ParameterName: CaAppId", "ParameterName: CaApp", "parameterName"),
        ("TrafficControlUnit: MINUTE", "TrafficControlUnit: SECOND", "trafficControlUnit"),
        ("ForceNonceCheck: true", "ForceNonce: true", "ForceNonce: unknown property"),
    ],
)
def test_the_property_classes_of_ros_find_mistakes(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    text = TEMPLATE if right in TEMPLATE else GATEWAY
    assert right in text
    assert said in json.dumps(judged(resolved(text.replace(right, wrong, 1), tmp_path))["problems"])


def serverless_devs(command: str, text: str, tmp_path: Path) -> str:
    """What the real command line says of a file, with an alias of its own and without a way to any network."""
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "serverless_devs_config_home": str(tmp_path / ".s")}
    program = str(PACKAGES / "node_modules" / ".bin" / "s")
    alias = ["--AccessKeyID", "LTAI", "--AccessKeySecret", "none", "--AccountID", ACCOUNT_ID, "--access", "default"]
    options: dict[str, Any] = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": 120}
    subprocess.run([program, "config", "add", *alias, "-f"], check=True, **options)
    done = subprocess.run([program, *command.split(), "-t", "s.yaml"], check=False, **options)
    return str(done.stdout + done.stderr)


@pytest.mark.long
@needs_packages
@pytest.mark.parametrize("command", ["verify", "deploy -y --skip-actions", "remove -y", "info"])
def test_serverless_devs_reads_and_resolves_the_services(tmp_path: Path, command: str) -> None:
    """Without a network it gets as far as the download of its component, which comes after every variable is resolved."""
    said = serverless_devs(command, SERVICES, tmp_path)
    assert "RuntimeError" not in said
    assert "not found" not in said.replace("ENOTFOUND", "")


@pytest.mark.long
@needs_packages
def test_serverless_devs_cannot_resolve_the_alias(tmp_path: Path) -> None:
    """Why `access` is a plain word: credentials are looked up by its raw text."""
    said = serverless_devs("verify", SERVICES.replace("access: default", "access: ${env('REPLANK_ACCESS', 'default')}"), tmp_path)
    assert "config('AccountID') not found" in said


def test_the_account_is_the_tenant(tmp_path: Path) -> None:
    """`ALIYUN::AccountId` is whoever creates the stack: for a RAM user it names no account."""
    assert EXECUTOR_ID != ACCOUNT_ID
    for text in (TEMPLATE, GATEWAY):
        assert EXECUTOR_ID not in json.dumps(resolved(text, tmp_path))
        assert "ALIYUN::AccountId" not in text
