"""Selects the files of a wheel that go into a package: code that the target can load, and licences. Also compiles them."""

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
"""The files of a package: source file by name in the zip."""
KEPT = frozenset({".py", ".so", ".pem"})
"""Suffixes of files that are read at run time. C sources, stubs, headers and marker files are left out."""
NOT_OURS = frozenset({"test", "tests", "testing", "testdata", "cli"})
"""Folders of the SDKs that contain only their tests and command lines."""
OF_TESTS = ("test_", "testing_", "_testcapi.", "pytest_plugin.", "conftest.")
"""How the names of test files begin that lie beside the code (aiohttp, protobuf, multidict: 150 kB)."""
CODECS = ("tablestore/ots_sdk/", "tablestore/native/")
"""The Tablestore SDK's C++ codec: 13.7 MB, for one version of Python only. The Python codec beside it works in all versions."""
ZONES = ("tzdata", "zoneinfo")
"""The time zone tables: files without a suffix that are read at run time, with their list."""
COMPILER = Path(__file__).with_name("compiler.py")


def unpack(wheel: Path, into: Path, target: Target, *, built: bool, fresh: bool = True) -> Content:
    """Unpack the wanted files of a wheel, into a new folder (``fresh``) or into an existing one.

    For a wheel that was ``built`` on this machine the metadata are left out, because they depend on the builder.
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
    """The name of a wheel's file in the package; empty if the file is left out."""
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
    """Whether an extension was compiled for the target's version, or for all versions from an older one on."""
    return not str(name).startswith(CODECS) and (".cpython-" not in name.name or f".{target.cache_tag}-" in name.name)


def own(root: Path, folders: Iterable[str]) -> Content:
    """Our own files in some folders of the repository. All names are included, because the probes are scripts beside the code."""
    found = (
        path for folder in folders for path in (root / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    return {path.relative_to(root).as_posix(): path for path in sorted(found)}


def compiled(content: Mapping[str, Path], into: Path, interpreter: Path, target: Target) -> Content:
    """Compile every Python file with the target's interpreter. Returns only the compiled files.

    Their header says that the source must not be checked (unchecked hash). By default Python compares the source's time, which
    unpacking changes. Then every start would compile everything again.
    """
    jobs, found = [], {}
    for name, path in sorted(content.items()):
        if path.suffix == ".py":
            pure = PurePosixPath(name)
            compiled_name = str(pure.parent / "__pycache__" / f"{pure.stem}.{target.cache_tag}.pyc")
            found[compiled_name] = into / compiled_name
            jobs.append((str(path), str(found[compiled_name]), f"/code/{name}"))
    fixed = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    fixed["PYTHONHASHSEED"] = "0"  # fixes the order of constant sets
    command = [str(interpreter), "-s", str(COMPILER)]
    subprocess.run(command, input=json.dumps(jobs).encode(), check=True, timeout=300, env=fixed)
    return found
