"""What of a wheel goes into a package: code the target can load, and licences. And its compiled form."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from tools.package.target import Target

Content = dict[str, Path]
"""The files of a package: name in the zip to file."""
KEPT = frozenset({".py", ".so", ".pem"})
"""Suffixes of what is read at run time; sources in C, stubs, headers and marker files are not."""
NOT_OURS = frozenset({"test", "tests", "testing", "testdata", "cli"})
"""Folders of the SDKs that serve their own tests and command lines."""
OF_TESTS = ("test_", "testing_", "_testcapi.", "pytest_plugin.", "conftest.")
"""What the names of files begin with that serve tests and lie beside the code (aiohttp, protobuf, multidict: 150 kB)."""
CODECS = ("tablestore/ots_sdk/", "tablestore/native/")
"""The Tablestore SDK's C++ codec: 13.7 MB for one version of Python, with a Python codec beside it that serves all."""
ZONES = ("tzdata", "zoneinfo")
"""The tables of time zones: files without a suffix, read at run time with their list."""
COMPILER = Path(__file__).with_name("compiler.py")


def unpack(wheel: Path, into: Path, target: Target, *, built: bool, fresh: bool = True) -> Content:
    """Unpack what is wanted of a wheel, into a ``fresh`` folder or beside what is there.

    The metadata of a wheel that was ``built`` here are left out: they vary with the builder.
    """
    if fresh:
        shutil.rmtree(into, ignore_errors=True)
    found: Content = {}
    distribution = "-".join(wheel.name.split("-")[:2])
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            wanted = _name_in_package(PurePosixPath(name), distribution, target, built=built)
            if wanted:
                path = into / wanted
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))
                found[wanted] = path
    return found


def _name_in_package(name: PurePosixPath, distribution: str, target: Target, *, built: bool) -> str:
    """What a wheel's file is called in the package; empty where it is left out."""
    if name.parts[0].endswith(".dist-info"):
        if name.name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE")):
            return f"licenses/{distribution}/{name.name}"
        return str(name) if name.name == "METADATA" and not built else ""
    if (name.parts[:2] == ZONES and ".py" not in name.suffix) or str(name) == "tzdata/zones":
        return str(name)
    if name.suffix not in KEPT or NOT_OURS & set(name.parts) or name.name.startswith(OF_TESTS):
        return ""
    return str(name) if name.suffix != ".so" or _loads(name, target) else ""


def _loads(name: PurePosixPath, target: Target) -> bool:
    """Whether an extension is made for the target, or for every version from an older one on."""
    return not str(name).startswith(CODECS) and (".cpython-" not in name.name or f".{target.cache_tag}-" in name.name)


def own(root: Path, folders: Iterable[str]) -> Content:
    """Our own files below some folders of the repository, whatever they are called: the probes are scripts beside the code."""
    found = (
        path for folder in folders for path in (root / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    return {path.relative_to(root).as_posix(): path for path in sorted(found)}


def compiled(content: Mapping[str, Path], into: Path, interpreter: Path, target: Target) -> Content:
    """Compile every Python file with the target's interpreter; the compiled files alone.

    Their header says that the source is not to be looked at (unchecked hash): unpacking changes the time the default looks at,
    and every start would compile everything again.
    """
    jobs, found = [], {}
    for name, path in sorted(content.items()):
        if path.suffix == ".py":
            pure = PurePosixPath(name)
            compiled_name = str(pure.parent / "__pycache__" / f"{pure.stem}.{target.cache_tag}.pyc")
            found[compiled_name] = into / compiled_name
            jobs.append((str(path), str(found[compiled_name]), f"/code/{name}"))
    fixed = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    fixed["PYTHONHASHSEED"] = "0"  # the order of constant sets
    command = [str(interpreter), "-s", str(COMPILER)]
    subprocess.run(command, input=json.dumps(jobs).encode(), check=True, timeout=300, env=fixed)
    return found
