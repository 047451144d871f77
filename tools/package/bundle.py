"""Writes the bundle of a package: the bytecode of all modules that a start imports, and the regular expressions that it compiles,
in one file (shared/runtime/bundle.py).
"""

from __future__ import annotations

import json
import marshal
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from shared.runtime.bundle import NAME
from tools.package.target import Target

START, PIECES = Path(__file__).with_name("start.py"), Path(__file__).with_name("pieces.py")
GENERATED = ("alibabacloud_ecs20140526", "alibabacloud_smc20190601")
"""SDKs whose modules ``models`` and ``client`` are generated. Their models are imported class by class."""
MAGIC_BYTES, HEADER_BYTES = 4, 16
"""A compiled file begins with its magic number. The bytecode follows the header."""
PATIENCE_S = 180
Content = Mapping[str, Path | bytes]


class Bundler:
    """Writes the bundles of the packages for one target. ``python`` is the target's interpreter.

    The generated modules are compiled once for all packages, because the source of ECS has 8 MB.
    """

    def __init__(self, python: Path, target: Target) -> None:
        self._python, self._target = python, target
        self._pieces: dict[str, tuple[bytes, Mapping[str, tuple[bytes, tuple[str, ...]]]]] = {}

    def with_bundle(self, content: Content) -> dict[str, Path | bytes]:
        """The content of a package, where the bundle takes the place of the compiled files of the modules in it.

        The function is started to find which modules a start imports, and which regular expressions it compiles.
        """
        started = _start(content, self._python)
        modules = sorted(started["modules"].items())
        self._compile_in_pieces({source: content[source] for _, source in modules if source.partition("/")[0] in GENERATED})
        rest, bytecode, magic = dict(content), bytearray(), b""

        def add(code: bytes) -> tuple[int, int]:
            start = len(bytecode)
            bytecode.extend(code)
            return start, len(bytecode)

        index: dict[str, tuple[str, int, int, dict[str, tuple[int, int, tuple[str, ...]]]]] = {}
        for name, source in modules:
            compiled = rest.pop(_compiled_name(source, self._target))
            assert isinstance(compiled, Path)
            data = compiled.read_bytes()
            magic = data[:MAGIC_BYTES]
            code, classes = self._pieces.get(source, (data[HEADER_BYTES:], {}))
            index[name] = (source, *add(code), {each: (*add(own), needed) for each, (own, needed) in classes.items()})
        patterns = marshal.loads(bytes.fromhex(started["patterns"]))
        head = marshal.dumps((index, started["magic"], patterns), 2)  # this version of the format has no references
        rest[NAME] = magic + len(head).to_bytes(4, "little") + head + bytes(bytecode)
        return rest

    def _compile_in_pieces(self, sources: Mapping[str, Path | bytes]) -> None:
        """Compile the generated modules that are not compiled yet."""
        new = [source for source in sources if source not in self._pieces]
        jobs = [(str(sources[source]), f"/code/{source}", source.endswith("/models.py")) for source in new]
        if jobs:
            found = marshal.loads(_run(self._python, PIECES, given=json.dumps(jobs)))
            self._pieces.update(zip(new, found, strict=True))


def _compiled_name(source: str, target: Target) -> str:
    pure = PurePosixPath(source)
    return str(pure.parent / "__pycache__" / f"{pure.stem}.{target.cache_tag}.pyc")


def _start(content: Content, python: Path) -> dict[str, Any]:
    """Start the function. Returns what start.py finds."""
    with tempfile.TemporaryDirectory(prefix="replank-start-") as folder:
        for name, file in content.items():
            if isinstance(file, Path):
                place = Path(folder) / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(file.resolve())
        found: dict[str, Any] = json.loads(_run(python, START, folder).splitlines()[-1])
    return found


def _run(python: Path, script: Path, *arguments: str, given: str = "") -> bytes:
    command = [str(python), "-I", "-S", "-B", str(script), *arguments]
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, input=given.encode(), check=True, stdout=subprocess.PIPE, timeout=PATIENCE_S, env=fixed).stdout
