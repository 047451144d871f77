"""The bundle: modules and single classes come from one file, and from their own files if the bundle does not fit."""

from __future__ import annotations

import _sre  # type: ignore[import-not-found]
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.runtime.bundle import NAME
from tests.support.repository import ROOT
from tools.package.bundle import Bundler
from tools.package.content import compiled, own
from tools.package.target import Target

HERE = Target(f"{sys.version_info.major}.{sys.version_info.minor}")
SDK = "alibabacloud_smc20190601"
FILES = {
    "index.py": (
        "import os\n"
        "from shared.runtime.bundle import use_bundle\n"
        "def initialize(context):\n"
        "    use_bundle(os.environ)\n"
        f"    import inner.leaf, {SDK}.models as models\n"
        "    return models\n"
    ),
    "inner/__init__.py": "",
    "inner/leaf.py": (
        "import re\nWORD = 'bundled'\nPATTERN = re.compile(r'(?P<year>\\d{4})-(\\d\\d)|[^\\W\\d_操-系]+', re.IGNORECASE)\n"
        "OF_BYTES = re.compile(rb'\\A[\\x00-\\x1f]*$')\n"
    ),
    f"{SDK}/__init__.py": "",
    f"{SDK}/models.py": (
        "from collections import OrderedDict\n"
        "class Base(OrderedDict):\n    pass\n"
        "class Body(Base):\n    def __init__(self, items: list = None):\n        self.made = [Item()]\n"
        "class Item(Base):\n    def whole(self) -> Body:\n        return Body()\n"
        "class Other:\n    def took(self, item: Item) -> Item:\n        return item\n"
    ),
    "shared/__init__.py": "",
    "shared/runtime/__init__.py": "",
}
Run = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package with its bundle, unpacked. Its sources were changed after the bundle was made."""
    sources = tmp_path / "sources"
    bundle_source = (ROOT / "shared/runtime/bundle.py").read_text(encoding="utf-8")
    for name, text in {**FILES, "shared/runtime/bundle.py": bundle_source}.items():
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        (sources / name).write_text(text, encoding="utf-8")
    found = own(sources, ["."])
    python = Path(sys.executable)
    content = Bundler(python, HERE).with_bundle({**found, **compiled(found, tmp_path / "made", python, HERE)})
    folder = tmp_path / "package"
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.read_bytes())
    (folder / "inner/leaf.py").write_text(FILES["inner/leaf.py"].replace("bundled", "from its file"), encoding="utf-8")
    return folder


@pytest.fixture
def run(package: Path) -> Run:
    """Start the package in its own interpreter. Returns what the code then prints."""

    def started(code: str, **environment: str) -> str:
        whole = f"import sys, index\nsys.path.insert(0, '')\nmodels = index.initialize(None)\nimport inner.leaf\n{code}"
        done = subprocess.run(
            [sys.executable, "-S", "-B", "-c", whole],
            cwd=package,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": "", **environment},
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return started


def test_modules_come_from_the_bundle(run: Run, package: Path) -> None:
    shown = run("print(inner.leaf.WORD, inner.leaf.__file__, inner.leaf.__cached__, sep='|')")
    assert shown == f"bundled|{package}/inner/leaf.py|{package}/{NAME}"


def test_the_bundle_takes_the_place_of_the_compiled_files(package: Path) -> None:
    names = {path.name.partition(".")[0] for path in package.rglob("*.pyc")}
    assert {"index", "bundle"} <= names, "they are imported before the bundle"
    assert not {"leaf", "models"} & names


def test_a_class_is_made_at_its_first_use_with_all_that_it_needs(run: Run) -> None:
    made = "print(sorted(name for name in vars(models) if name in ('Base', 'Body', 'Item', 'Other')))"
    assert run(made) == "[]"
    assert run(f"models.Body\n{made}") == "['Base', 'Body', 'Item']"
    assert run("print(type(models.Body().made[0].whole()) is models.Body, issubclass(models.Item, models.Base))") == "True True"


def test_every_class_is_listed_and_an_unknown_name_is_refused(run: Run) -> None:
    assert run("print([name for name in dir(models) if name[0] in 'BIO'])") == "['Base', 'Body', 'Item', 'OrderedDict', 'Other']"
    assert run("print(hasattr(models, 'Nothing'))") == "False"


AGAIN = """
import re
from importlib import import_module, reload
parser = import_module("sre_parse" if sys.version_info < (3, 11) else "re._parser")
parsed, parse = [], parser.parse
parser.parse = lambda text, *rest: (parsed.append(text), parse(text, *rest))[1]
re.purge()
made = reload(inner.leaf).PATTERN, inner.leaf.OF_BYTES, re.compile("new [0-9]", re.ASCII)
"""
"""Compiles the patterns of a module again, and a pattern that is not in the bundle. ``parsed`` has those that Python compiled."""


def test_patterns_come_from_the_bundle_and_python_compiles_all_others(run: Run) -> None:
    assert run(f"{AGAIN}print(parsed)") == "['new [0-9]']"


def test_patterns_of_another_version_are_left_alone(run: Run, package: Path) -> None:
    magic, content = _sre.MAGIC.to_bytes(4, "little"), (package / NAME).read_bytes()
    (package / NAME).write_bytes(content.replace(magic, b"\1\0\0\0", 1))
    assert run(f"{AGAIN}print(len(parsed), inner.leaf.WORD)") == "3 bundled"


def test_a_pattern_from_the_bundle_is_that_of_python(run: Run) -> None:
    """The hash of a pattern is that of its text, its flags and its code."""
    code = f"{AGAIN}print([(hash(each), each.flags, each.groups, dict(each.groupindex), each.pattern) for each in made])"
    code += "\nprint(made[0].search('2026-11')['year'], made[0].search('系é')[0], made[1].search(b'\\x00').span())"
    bundled, own_files = (run(code, PYTHONHASHSEED="0", REPLANK_BUNDLE=switch) for switch in "10")
    assert bundled == own_files
    assert bundled.splitlines()[-1] == "2026 é (0, 1)"


@pytest.mark.parametrize("how", ["off", "missing", "empty", "of another version"])
def test_without_a_fitting_bundle_everything_comes_from_its_own_file(run: Run, package: Path, how: str) -> None:
    if how == "missing":
        (package / NAME).unlink()
    elif how == "empty":
        (package / NAME).write_bytes(b"")
    elif how == "of another version":
        (package / NAME).write_bytes(b"\0\0\r\n" + (package / NAME).read_bytes()[4:])
    environment = {"REPLANK_BUNDLE": "0"} if how == "off" else {}
    assert run("print(inner.leaf.WORD, type(models.Body().made[0]).__name__)", **environment) == "from its file Item"
