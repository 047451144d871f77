"""What must not stand in the tree: paths of one machine, hosts of package registries, unfinished work; and dead links."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.support.repository import ROOT, files, name_of, source_files

MACHINE = ("/wo" + "rk/", "/tmp/" + "lab", "/ro" + "ot/", "/ho" + "me/")
REGISTRIES = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "aliyun.com/" + "pypi",
    "index" + "-url",
)
UNFINISHED = ("TO" + "DO", "FIX" + "ME", "X" + "XX")
DOCUMENTS = [path for path in files() if path.suffix == ".md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in files():
        try:
            found.append((path, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def holding(words: tuple[str, ...]) -> list[str]:
    return [f"{name_of(path)}: {word}" for path, text in texts() for word in words if word in text]


def test_no_paths_of_a_machine() -> None:
    assert [each for each in holding(MACHINE) if not _of_a_guest(each)] == []


def _of_a_guest(finding: str) -> bool:
    """Guests have home folders of their own: the probes and the simulated trees may name them."""
    return finding.startswith(("shared/probes/", "localcloud/ecs/", "tests/")) and finding.endswith(("/ro" + "ot/", "/ho" + "me/"))


def test_no_package_registries() -> None:
    assert holding(REGISTRIES) == []


def test_nothing_unfinished() -> None:
    assert [each for each in holding(UNFINISHED) if each.partition(":")[0].endswith((".py", ".sh", ".yml", ".yaml", ".md"))] == []


def test_requirements_are_pinned() -> None:
    loose = [
        f"{path.name}: {line}"
        for path in (ROOT / "requirements").glob("*.txt")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("#", "-r ", "-c ")) and not re.match(r"[\w.-]+==[\w.]+(; .+)?( +#.*)?$", line)
    ]
    assert loose == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    inner = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in inner if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_commands_of_make_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = path.read_text(encoding="utf-8")
    shown = re.findall(r"`make ([a-z]+)", text) + re.findall(r"^ {4}make ([a-z]+)", text, re.MULTILINE)
    assert sorted(set(shown) - targets) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_settings_of_make_are_read(path: Path) -> None:
    read = (ROOT / "Makefile").read_text(encoding="utf-8") + (ROOT / "tools/venv.sh").read_text(encoding="utf-8")
    commands = re.findall(r"`make ([^`]+)`|^ {4}make (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    named = {name for command in commands for name in re.findall(r"\b([A-Z]+)=", "".join(command))}
    assert sorted(name for name in named if f"$({name})" not in read and f"${{{name}" not in read) == []


IMPORT = re.compile(r"\b(?:import|from)\b[^\n]*|^\s+\w+,?$", re.MULTILINE)
"""A line of an import, or of the names in its parentheses."""


def test_no_module_without_a_reader() -> None:
    """Every module of shared/ is imported by something, or is an entry point."""
    read = [path.read_text(encoding="utf-8") for path in source_files("shared", "functions", "cli", "tests")]
    imported = {word for text in read for line in IMPORT.findall(text) for word in re.findall(r"\w+", line)}
    lonely = []
    for path in source_files("shared"):
        module = path.stem
        stage = path.parent.name == "stages" and (ROOT / "functions" / module).is_dir()  # named at run time
        if module != "__init__" and not stage and module not in imported:
            lonely.append(name_of(path))
    assert lonely == []


SOURCE_FILE = re.compile(r"(?<![\w/])(?:shared|functions|localcloud|cli|console|tools|launcher)/[\w/-]+\.(?:py|sh|ps1)\b")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_files_named_in_documents_exist(path: Path) -> None:
    """A recipe calls what is to be made `x`."""
    named = set(SOURCE_FILE.findall(path.read_text(encoding="utf-8")))
    assert sorted(name for name in named if not (ROOT / name).exists() and "/x" not in name) == []


@pytest.mark.parametrize("source", sorted((ROOT / "docs/img").glob("*.dot")), ids=name_of)
def test_drawings_are_those_of_their_sources(source: Path) -> None:
    """`make drawings` draws them; each drawing ends with the digest of its source."""
    drawn = source.with_suffix(".svg").read_text(encoding="utf-8").splitlines()[-1]
    assert drawn == f"<!-- of {source.name} {hashlib.sha256(source.read_bytes()).hexdigest()} -->"
