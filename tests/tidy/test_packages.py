"""The rules by which make package builds: which SDKs, which files of a wheel, for which interpreter, how large at most."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from shared.runtime.composition import FUNCTIONS
from tests.support.repository import ROOT, of_type, policy_actions, services
from tools.package import __main__ as command
from tools.package import archive
from tools.package.build import Builder, sdks_of
from tools.package.content import compiled, own, unpack
from tools.package.target import Target, interpreter
from tools.package.wheelhouse import Wheelhouse

SERVICES = {
    "ots": "tablestore",
    "eventbridge": "alibabacloud-eventbridge",
    "ecs": "alibabacloud-ecs20140526",
    "smc": "alibabacloud-smc20190601",
}
HERE = Target(f"{sys.version_info[0]}.{sys.version_info[1]}")
OF_A_WHEEL = {
    "a/__init__.py": "a/__init__.py",
    "a/ca.pem": "a/ca.pem",
    "a/fast.abi3.so": "a/fast.abi3.so",
    "a/fast.cpython-310-x86_64-linux-gnu.so": "a/fast.cpython-310-x86_64-linux-gnu.so",
    "a-1.dist-info/METADATA": "a-1.dist-info/METADATA",
    "a-1.dist-info/licenses/LICENSE.txt": "licenses/a-1/LICENSE.txt",
    "a-1.dist-info/RECORD": "",
    "a/fast.cpython-312-x86_64-linux-gnu.so": "",
    "a/_testcapi.cpython-310-x86_64-linux-gnu.so": "",
    "a/tests/x.py": "",
    "a/internal/testing/x.py": "",
    "a/testdata/__init__.py": "",
    "a/test_utils.py": "",
    "a/testing_refleaks.py": "",
    "a/pytest_plugin.py": "",
    "conftest.py": "",
    "a/cli/__init__.py": "",
    "a/fast.c": "",
    "a/__init__.pyi": "",
    "a/py.typed": "",
    "tablestore/ots_sdk/any.so": "",
}
"""What lies in a wheel for python3.10, and what it is called in a package; empty where it has no place there."""


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


def test_of_a_wheel_goes_in_what_the_target_loads_and_no_tests(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as made:
        for name in OF_A_WHEEL:
            made.writestr(name, name)
    found = unpack(wheel, tmp_path / "out", Target("3.10"), built=False)
    assert {name: path.read_text() for name, path in found.items()} == {goes: name for name, goes in OF_A_WHEEL.items() if goes}
    assert "a-1.dist-info/METADATA" not in unpack(wheel, tmp_path / "out", Target("3.10"), built=True)


def test_a_package_over_14_mb_is_refused_and_the_one_before_it_stays(tmp_path: Path) -> None:
    path, noise = tmp_path / "api.zip", os.urandom(14_000_000)
    fits = archive.write(path, {"noise.bin": noise[:13_900_000]})
    assert fits == path.stat().st_size < 14_000_000
    with pytest.raises(archive.TooLarge, match=r"api\.zip has 14\d{6} bytes, more than 14000000"):
        archive.write(path, {"noise.bin": noise})
    assert [(each.name, each.stat().st_size) for each in tmp_path.iterdir()] == [("api.zip", fits)]


def test_the_command_fails_where_a_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_builder: Builder, _functions: object) -> None:
        archive.write(tmp_path / "api.zip", {"index.py": b"pass"})

    monkeypatch.setattr(archive, "MAX_BYTES", 10)
    monkeypatch.setattr(Builder, "build", refuse)
    assert command.main(["--only", "api", "--out", str(tmp_path)]) == 1
    assert "package: api.zip has" in capsys.readouterr().err
