"""Packages as they are built: what is in them and what never is, the same bytes twice, what a start from them imports.

Built once for all tests here: one function of each kind for python3.10. `make test-long` builds every function, and one for
python3.12. The wheels are kept under build/.
"""

from __future__ import annotations

import hashlib
import json
import marshal
import os
import re
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.runtime.bundle import NAME
from shared.runtime.composition import FUNCTIONS
from tests.support.repository import ROOT, files, name_of
from tools.package.build import CONSOLE, OF_API, Builder
from tools.package.target import Target, interpreter
from tools.package.trial import event_of, probe, run
from tools.package.wheelhouse import NotAvailable

OLD, NEW = Target("3.10"), Target("3.12")
NEVER = re.compile(
    r"(^|/)(tests?|testing|testdata|localcloud|cli|numpy|future|fc2|examples?)/"
    r"|(^|/)(test_|testing_|_testcapi|conftest|pytest_plugin)[^/]*$"
    r"|ots_sdk\.so|\.(c|h|pyx|pyi|proto)$"
)
"""Names that have no place in a package, whatever their suffix."""
ECS, SMC = "alibabacloud_ecs20140526/", "alibabacloud_smc20190601/"
BYTES = {("api", "3.10"): 12_770_000, ("watch", "3.10"): 8_752_000, ("watch", "3.12"): 10_172_000}
"""Sizes at most; api checks tokens with cryptography (4.7 MB), the tables of time zones are 0.4 MB in each package; the newer
runtime's bytecode and extensions are larger."""
MODULES = {
    "intake": 401,
    "api": 318,
    "precheck": 439,
    "snapshot": 420,
    "migrate": 420,
    "watch": 420,
    "validate": 459,
    "rollback": 461,
    "sweep": 402,
}
"""Modules that import and initializer load at most, above those of the bare interpreter. The SDKs of api alone, imported plainly,
are over 600; precheck, validate and rollback read documents of the guest, and load XML, e-mail and IP addresses for that."""
CONSOLE_BYTES, CONSOLE_MODULES = 589_000, 184
"""The same for the console, which has no SDK: Jinja2 is most of both."""
OF_EACH_KIND = ("api", "intake", "watch", "validate")
"""Functions with different SDKs, and the one that loads most."""
START = ROOT / "bench" / "start_probe.py"
"""The probe of the bench: what it counts here is what the documents say."""
BUNDLED = ROOT / "tests" / "support" / "bundled_code.py"


@dataclass(frozen=True)
class Package:
    """One package, and what it was built for."""

    function: str
    target: Target
    path: Path

    @property
    def names(self) -> list[str]:
        """The names in the zip, in its order."""
        with zipfile.ZipFile(self.path) as archive:
            return archive.namelist()


def build(folder: Path, target: Target, *functions: str) -> dict[str, Package]:
    """Build in a folder of its own, from the wheels that all builds share; skips the test where they are not to be had."""
    builder = Builder(target, folder, wheels=ROOT / "build" / "wheels")
    try:
        builder.build(functions)
    except NotAvailable as error:
        pytest.skip(f"the wheels are neither in build/wheels nor to be had: {error}")
    return {function: Package(function, target, folder / f"{function}.zip") for function in functions}


@pytest.fixture(scope="module")
def packages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Package]:
    """For python3.10, one function for each set of SDKs. All nine in ``make test-long``."""
    whole = any(item.get_closest_marker("long") for item in request.session.items)
    return build(tmp_path_factory.mktemp("packages"), OLD, *(FUNCTIONS if whole else OF_EACH_KIND))


@pytest.fixture(scope="module", params=["api", "watch", pytest.param("watch for 3.12", marks=pytest.mark.long)])
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The smallest package, one with all SDKs, and that one for the newer runtime."""
    if request.param.endswith(NEW.version):
        return build(tmp_path_factory.mktemp("newer"), NEW, "watch")["watch"]
    found: Package = request.getfixturevalue("packages")[request.param]
    return found


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The operations page, which is no stage: it carries its own folder, and no SDK."""
    return build(tmp_path_factory.mktemp("console"), OLD, CONSOLE)[CONSOLE]


def sums(package: Package) -> dict[str, int]:
    """The checksum of each file in the zip."""
    with zipfile.ZipFile(package.path) as archive:
        return {each.filename: each.CRC for each in archive.infolist()}


def python_of(target: Target) -> Path:
    """The target's interpreter. Skips the test if the machine does not have it."""
    return interpreter(target) or pytest.skip(f"Python {target.version} is not on this machine")


def unpacked(package: Package, into: Path) -> Path:
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(into)
    return into


def test_built_twice_is_the_same(packages: dict[str, Package], tmp_path: Path) -> None:
    """Elsewhere, in another order, without the others. (A file of ours that is edited meanwhile is named.)"""
    for function, again in build(tmp_path, OLD, "watch", "api").items():
        first, second = packages[function], again
        assert {name for name, _ in sums(first).items() ^ sums(second).items()} == set(), function
        assert len({hashlib.sha256(each.path.read_bytes()).hexdigest() for each in (first, second)}) == 1, function


def test_a_package_holds_what_is_needed(package: Package) -> None:
    names = set(package.names)
    assert {NAME, "index.py", "shared/runtime/entrypoint.py", "tablestore/__init__.py", "licenses/LICENSE", "packages.txt"} <= names
    beside = {path.relative_to(ROOT).as_posix() for path in files() if name_of(path).startswith("shared/")}
    chinese = {name for name in beside if name.startswith(OF_API)}
    assert beside - chinese <= names, "scripts and data beside the code go with it"
    assert chinese & names == (chinese if package.function == "api" else set()), "only api answers readers"
    assert ("async_timeout/__init__.py" in names) is (package.target is OLD), "needed before 3.11 only"
    for sdk in (ECS, SMC):
        assert any(name.startswith(sdk) for name in names) is (package.function == "watch"), sdk


def test_a_package_holds_no_more(package: Package) -> None:
    assert package.names == sorted(set(package.names))
    assert [name for name in package.names if NEVER.search(name)] == []
    carries = any(name.startswith("cryptography/") for name in package.names)
    assert carries is (package.function == "api"), "only api checks tokens"
    with zipfile.ZipFile(package.path) as archive:
        assert [each for each in archive.read("packages.txt").decode().split() if not re.fullmatch(r"[\w.-]+==[\w.]+", each)] == []


def test_what_never_goes_in_is_known_by_its_name() -> None:
    """The search above would find it, code or not."""
    for name in ("tests/x.py", "a/test/__init__.py", "a/testdata/__init__.py", "a/__pycache__/test_utils.cpython-310.pyc"):
        assert NEVER.search(name), name
    for name in ("shared/stages/api/__init__.py", "shared/adapters/latest.py", "requests/certs.py", "a/contest_x.py"):
        assert not NEVER.search(name), name


def test_extensions_load_on_the_target(package: Package) -> None:
    extensions = [name for name in package.names if name.endswith(".so")]
    fitting = re.compile(rf"\.(abi3|{package.target.cache_tag}-x86_64-linux-gnu)\.so$")
    assert extensions
    assert [name for name in extensions if not fitting.search(name)] == []


def test_everything_is_compiled_for_the_target(package: Package) -> None:
    """Either in a file of its own or in the bundle."""
    python_of(package.target)
    sources = [name for name in package.names if name.endswith(".py")]
    made = [name for name in package.names if name.endswith(".pyc")]
    with zipfile.ZipFile(package.path) as archive:
        bundle = archive.read(NAME)
    bundled = {source for source, *_ in marshal.loads(bundle[8:])[0].values()}
    assert len(made) + len(bundled) == len(sources)
    assert bundled <= set(sources)
    assert [name for name in made if not name.endswith(f".{package.target.cache_tag}.pyc")] == []


def test_the_bundle_says_the_same_as_the_files(package: Package, tmp_path: Path) -> None:
    """Every class of the SDKs' models, every method of their clients, and every regular expression of a start, in the bundle and in
    their own files.
    """
    folder = unpacked(package, tmp_path)
    command = [str(python_of(package.target)), "-s", "-S", "-B", str(BUNDLED), str(folder)]
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}
    own_files, bundled = (
        json.loads(subprocess.run([*command, switch], capture_output=True, text=True, timeout=120, check=True, env=fixed).stdout)
        for switch in ("0", "1")
    )
    assert own_files.pop("from the bundle") == []
    assert "shared.runtime.invocation" in bundled.pop("from the bundle")
    assert len(own_files) > (10_000 if package.function == "watch" else 1_000)
    assert len(own_files["patterns"]) > 60
    assert bundled == own_files


def test_a_package_is_small(package: Package) -> None:
    assert package.path.stat().st_size < BYTES[package.function, package.target.version]


@pytest.mark.parametrize(
    "function", [each if each in OF_EACH_KIND else pytest.param(each, marks=pytest.mark.long) for each in FUNCTIONS]
)
def test_a_start_imports_no_more_than_it_did(function: str, packages: dict[str, Package], tmp_path: Path) -> None:
    """Import and initializer, from the package alone."""
    command = [str(python_of(OLD)), "-I", "-S", "-B", str(START), str(unpacked(packages[function], tmp_path)), "function", function]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["modules"] <= MODULES[function]


def test_the_handler_answers_from_the_package_alone(packages: dict[str, Package], tmp_path: Path) -> None:
    """Nothing but the package is on the path, and no cloud is there: the API still publishes its own description."""
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
    report = probe(python_of(OLD), unpacked(packages["api"], tmp_path), {"event": event, "environment": environment})
    assert report["answer"]["statusCode"] == 200
    assert json.loads(report["answer"]["body"])["openapi"].startswith("3.1")


def test_the_trial_runs_the_handler(package: Package) -> None:
    """What make package does with each at its end: on its interpreter, against a local cloud."""
    (line,) = run(python_of(package.target), {package.function: package.path})
    assert "answered" in line


def test_the_console_carries_its_pages_and_nothing_of_the_pipeline(console: Package) -> None:
    own = {path.relative_to(ROOT).as_posix() for path in files() if name_of(path).startswith("console/")}
    assert own <= set(console.names), "templates, messages and assets go with the code"
    rooms = {name.partition("/")[0] for name in console.names if "/" in name and ".dist-info/" not in name}
    assert rooms == {"console", "jinja2", "markupsafe", "licenses", "__pycache__"}
    assert [name for name in console.names if NEVER.search(name)] == []
    assert console.path.stat().st_size < CONSOLE_BYTES


def test_the_console_starts_and_answers_from_its_package_alone(console: Package, tmp_path: Path) -> None:
    folder = unpacked(console, tmp_path)
    command = [str(python_of(OLD)), "-I", "-S", "-B", str(START), str(folder), "function"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["modules"] <= CONSOLE_MODULES
    event = {"rawPath": "/console/assets/console.css", "headers": {}, "requestContext": {"http": {"method": "GET"}}}
    environment = {"REPLANK_API_URL": "http://127.0.0.1:9", "REPLANK_CONSOLE_KEY": "k" * 40}
    report = probe(python_of(OLD), folder, {"event": event, "environment": environment})
    assert report["answer"]["statusCode"] == 200
