"""What make package builds: the SDKs a function needs and no others, nothing else, the same bytes twice, small."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path

import pytest

from shared.runtime.bootstrap import FUNCTIONS
from tests.support.repository import ROOT, files, name_of, of_type, policy_actions, services
from tools.package.build import Builder, sdks_of
from tools.package.content import compiled, own
from tools.package.target import Target, interpreter
from tools.package.trial import event_of, probe
from tools.package.wheelhouse import NotAvailable, Wheelhouse

SERVICES = {
    "ots": "tablestore",
    "eventbridge": "alibabacloud-eventbridge",
    "ecs": "alibabacloud-ecs20140526",
    "smc": "alibabacloud-smc20190601",
}
HERE = Target(f"{sys.version_info[0]}.{sys.version_info[1]}")
API_BYTES = 7_000_000
NEVER = re.compile(r"(^|/)(tests?|testing|localcloud|cli|numpy|future|examples?)/|ots_sdk\.so|\.(c|h|pyx|pyi|proto)$")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_carries_the_sdks_its_role_may_use(function: str) -> None:
    (role,) = (each for each in of_type("ALIYUN::RAM::Role") if each["RoleName"] == f"replank-{function}")
    allowed = {action.partition(":")[0] for action in policy_actions(role)}
    assert sdks_of(function) == [sdk for service, sdk in SERVICES.items() if service in allowed]


def test_the_probes_are_in_the_packages() -> None:
    assert {"shared/probes/__init__.py", "shared/probes/linux.sh", "shared/probes/windows.ps1"} <= own(ROOT, ["shared"]).keys()


def test_the_runtime_is_the_one_that_is_built_for_by_default() -> None:
    assert {props["runtime"] for props in services().values()} == {"python3.10"}


def test_markers_are_judged_for_the_target(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    needs = [
        "old; python_version < '3.11'",
        "new; python_version >= '3.11'",
        "pypy; platform_python_implementation == 'PyPy'",
        "more; extra == 'x'",
    ]
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a-1.dist-info/METADATA", "Name: a\n" + "".join(f"Requires-Dist: {each}\n" for each in needs))
    wanted = {version: Wheelhouse(tmp_path, Target(version)).needs(wheel) for version in ("3.10", "3.12")}
    assert wanted == {"3.10": {"old"}, "3.12": {"new"}}


def test_what_is_not_this_version_is_no_interpreter_for_it() -> None:
    assert interpreter(Target("3.3")) is None
    assert interpreter(HERE) is not None


def test_compiled_files_survive_unpacking(tmp_path: Path) -> None:
    """Their header says: do not look at the source's time or content."""
    source = tmp_path / "a.py"
    source.write_text("x = 1\n")
    python = interpreter(HERE)
    assert python is not None
    found = compiled({"a.py": source}, tmp_path / "out", python, HERE)
    (path,) = found.values()
    assert path.read_bytes()[4:8] == b"\x01\x00\x00\x00"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The API's package, built twice in different places; wheels are kept under build/."""
    out = tmp_path_factory.mktemp("packages")
    try:
        for place in ("first", "second"):
            Builder(Target("3.10"), out / place, wheels=ROOT / "build" / "wheels").build(["api"])
    except NotAvailable as error:
        pytest.skip(f"the wheels are neither in build/wheels nor to be had: {error}")
    return out


def test_built_twice_is_the_same(built: Path) -> None:
    digests = {hashlib.sha256((built / place / "api.zip").read_bytes()).hexdigest() for place in ("first", "second")}
    assert len(digests) == 1


def test_a_package_holds_what_is_needed_and_no_more(built: Path) -> None:
    with zipfile.ZipFile(built / "first" / "api.zip") as archive:
        names = archive.namelist()
        packages = archive.read("packages.txt").decode().split()
    assert names == sorted(names)
    assert {
        "index.py",
        "shared/runtime/entrypoint.py",
        "tablestore/__init__.py",
        "async_timeout/__init__.py",
        "licenses/LICENSE",
    } <= set(names)
    beside = {path.relative_to(ROOT).as_posix() for path in files() if name_of(path).startswith("shared/")}
    assert beside <= set(names), "scripts and data beside the code go with it"
    assert [name for name in names if NEVER.search(name) and not name.endswith(".py")] == []
    assert [
        name for name in names if name.startswith(("alibabacloud_ecs", "alibabacloud_smc", "cryptography", "fc2", "numpy"))
    ] == []
    assert [each for each in packages if "==" not in each] == []
    if interpreter(Target("3.10")):
        sources = {name for name in names if name.endswith(".py")}
        assert sum(name.endswith(".cpython-310.pyc") for name in names) == len(sources)


def test_the_package_is_small(built: Path) -> None:
    assert (built / "first" / "api.zip").stat().st_size < API_BYTES


def test_the_handler_answers_from_the_package_alone(built: Path, tmp_path: Path) -> None:
    """Nothing but the package is on the path, and no cloud is there: the API still publishes its own description."""
    python = interpreter(Target("3.10"))
    if python is None:
        pytest.skip("Python 3.10 is not on this machine")
    with zipfile.ZipFile(built / "first" / "api.zip") as archive:
        archive.extractall(tmp_path)
    event = event_of("api")
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/openapi.json"
    nowhere = "http://127.0.0.1:9"
    environment = {
        "REPLANK_REGION": "cn-hangzhou",
        "REPLANK_TABLESTORE_ENDPOINT": nowhere,
        "REPLANK_EVENTBRIDGE_ENDPOINT": nowhere,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "key",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
    }
    report = probe(python, tmp_path, {"event": event, "environment": environment})
    assert report["answer"]["statusCode"] == 200
    assert json.loads(report["answer"]["body"])["openapi"].startswith("3.1")
