"""Writes the bundle of a package: the bytecode of all modules that a start imports, in one file (shared/runtime/bundle.py)."""

from __future__ import annotations

import json
import marshal
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from shared.runtime.bundle import NAME
from tools.package.target import Target

START, PIECES = Path(__file__).with_name("start.py"), Path(__file__).with_name("pieces.py")
GENERATED = ("alibabacloud_ecs20140526", "alibabacloud_smc20190601")
"""SDKs whose modules ``models`` and ``client`` are generated. Their models are imported class by class."""
MAGIC_BYTES, HEADER_BYTES = 4, 16
"""A compiled file begins with its magic number. The bytecode follows the header."""
PATIENCE_S = 60
Content = Mapping[str, Path | bytes]


def with_bundle(content: Content, python: Path, target: Target) -> dict[str, Path | bytes]:
    """The content of a package, where the bundle takes the place of the compiled files of the modules in it.

    ``python`` is the target's interpreter. It starts the function to find which modules a start imports.
    """
    modules = sorted(_modules_of_start(content, python).items())
    generated = [source for _, source in modules if source.partition("/")[0] in GENERATED]
    pieces = dict(zip(generated, _compiled_in_pieces([(content[source], source) for source in generated], python), strict=True))
    rest, bytecode, magic = dict(content), bytearray(), b""

    def add(code: bytes) -> tuple[int, int]:
        start = len(bytecode)
        bytecode.extend(code)
        return start, len(bytecode)

    index: dict[str, tuple[str, int, int, dict[str, tuple[int, int, tuple[str, ...]]]]] = {}
    for name, source in modules:
        compiled = rest.pop(_compiled_name(source, target))
        assert isinstance(compiled, Path)
        data = compiled.read_bytes()
        magic = data[:MAGIC_BYTES]
        code, classes = pieces.get(source, (data[HEADER_BYTES:], {}))
        index[name] = (source, *add(code), {each: (*add(own), needed) for each, (own, needed) in classes.items()})
    entries = marshal.dumps(index, 2)  # this version of the format has no references, whose order could differ
    rest[NAME] = magic + len(entries).to_bytes(4, "little") + entries + bytes(bytecode)
    return rest


def _compiled_name(source: str, target: Target) -> str:
    pure = PurePosixPath(source)
    return str(pure.parent / "__pycache__" / f"{pure.stem}.{target.cache_tag}.pyc")


def _modules_of_start(content: Content, python: Path) -> dict[str, str]:
    """The modules that a start imports from the package after ``use_bundle``, each with the name of its source."""
    with tempfile.TemporaryDirectory(prefix="replank-start-") as folder:
        for name, file in content.items():
            if isinstance(file, Path):
                place = Path(folder) / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(file.resolve())
        found: dict[str, str] = json.loads(_run(python, START, folder).splitlines()[-1])
    return found


def _compiled_in_pieces(modules: Sequence[tuple[Any, str]], python: Path) -> Any:
    """The bytecode of generated modules, as pieces.py gives it."""
    jobs = [(str(path), f"/code/{source}", source.endswith("/models.py")) for path, source in modules]
    return marshal.loads(_run(python, PIECES, given=json.dumps(jobs)))


def _run(python: Path, script: Path, *arguments: str, given: str = "") -> bytes:
    command = [str(python), "-I", "-S", "-B", str(script), *arguments]
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, input=given.encode(), check=True, stdout=subprocess.PIPE, timeout=PATIENCE_S, env=fixed).stdout
