"""Puts the packages together: which SDKs each function needs, and what else.

The bytecode of the modules that a start imports is in one file, the bundle (bundle.py).

A package contains two things that a start does not import:

- ``shared/``, whole in every package: 0.6 MB of a zip, bytecode included, of 6.2 (api) to 7.6 (watch); 0.75 of 7.1 to 8.8 for 3.12.
  A function reads rows that other functions wrote, and imports stages and adapters when a message needs them
  (shared/runtime/invocation.py, composition.py). A selection per function would have to follow those imports. Its errors would show
  only in production, and two functions could differ in shared code. A module that is not imported costs a start only its unpacking.
- aiohttp and the packages that only aiohttp needs (multidict, yarl, frozenlist, propcache, attrs ...): 3.2 MB of a zip, half of
  api's. The SDKs of Tablestore and the generated clients import aiohttp at their top. shared/runtime/lazy.py replaces aiohttp by a
  stand-in, which loads the real package when something of it is used. A switch (REPLANK_LAZY_AIOHTTP=0 in a function's environment)
  removes the stand-in without a new package. Both cases need the real package. cryptography always has a stand-in, so it is left
  out (UNUSED in wheelhouse.py) except for api, which checks tokens with it (4 MB).
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from shared.runtime.composition import FUNCTIONS, USES_ECS, USES_SMC
from tools.package import archive
from tools.package.bundle import Bundler
from tools.package.content import Content, compiled, own, unpack
from tools.package.target import Target, interpreter
from tools.package.wheelhouse import ROOT, Wheelhouse, pins

SDKS: dict[str, Collection[str]] = {
    "tablestore": FUNCTIONS,
    "alibabacloud-eventbridge": FUNCTIONS,
    "alibabacloud-ecs20140526": USES_ECS,
    "alibabacloud-smc20190601": USES_SMC,
}
"""The functions that contain each SDK: those whose role may call the SDK's service (a test compares the two)."""


CONSOLE = "console"
"""The function that is a client of the API. It contains its own folder instead of shared/, and no SDK."""
PACKAGES = (*FUNCTIONS, CONSOLE)
OF_API = "shared/runtime/chinese/"
"""The folder of our own that only api contains: nobody else answers readers."""
LIBRARIES: dict[str, Collection[str]] = {
    "pyjwt": ("api",),
    "cryptography": ("api",),
    "tzdata": FUNCTIONS,
    "jinja2": (CONSOLE,),
}
"""The functions that contain each other library. api checks the identity provider's tokens; the policy for notices may name a
time zone, and every function reads this policy with its settings; the console renders its pages from templates.
"""


def sdks_of(function: str) -> list[str]:
    """The SDKs in a function's package."""
    return [sdk for sdk, functions in SDKS.items() if function in functions]


def libraries_of(function: str) -> list[str]:
    """The other libraries in a function's package."""
    return [name for name, functions in LIBRARIES.items() if function in functions]


class Builder:
    """Builds packages for one target. ``python`` is the target's interpreter. It is None if this machine does not have it;
    the packages then contain no bytecode.
    """

    def __init__(self, target: Target, out: Path, *, root: Path = ROOT, wheels: Path | None = None) -> None:
        self.target, self.out, self._root = target, out, root
        self.python = interpreter(target)
        self._bundler = Bundler(self.python, target) if self.python is not None else None
        self.wheels = Wheelhouse((wheels or out / "wheels") / target.tag, target)
        self._work = out / "tree" / target.tag
        self._unpacked: dict[str, Content] = {}

    def build(self, functions: Iterable[str] = PACKAGES) -> dict[str, int]:
        """Write ``<function>.zip`` for each function. Returns the sizes in bytes by function. Raises NotAvailable or TooLarge."""
        shutil.rmtree(self._work, ignore_errors=True)
        self._unpacked = {}
        wanted = list(functions)
        closures = {function: self.wheels.closure([*sdks_of(function), *libraries_of(function)]) for function in wanted}
        self._unpack({name: wheel for closure in closures.values() for name, wheel in closure.items()})
        rooms = {CONSOLE if function == CONSOLE else "shared" for function in wanted}
        contents = {room: self._with_compiled(own(self._root, [room]), f"own-{room}") for room in rooms}
        return {function: self._write(function, list(closures[function]), _own_content(function, contents)) for function in wanted}

    def _unpack(self, wheels: dict[str, Path]) -> None:
        built = self.wheels.built
        for name, wheel in sorted(wheels.items()):
            content = unpack(wheel, self._work / name, self.target, built=name in built)
            self._unpacked[name] = self._with_compiled(content, f"{name}-compiled")

    def _with_compiled(self, content: Content, place: str) -> Content:
        if self.python is None:
            return content
        return {**content, **compiled(content, self._work / place, self.python, self.target)}

    def _write(self, function: str, packages: list[str], own_content: Content) -> int:
        index = {"index.py": self._root / "functions" / function / "index.py"}
        content: dict[str, Path | bytes] = {**own_content, **self._with_compiled(index, f"index-{function}")}
        for name in packages:
            content.update(self._unpacked[name])
        content["licenses/LICENSE"] = self._root / "LICENSE"
        versions = pins()
        content["packages.txt"] = "".join(f"{name}=={versions[name]}\n" for name in packages).encode()
        if self._bundler is not None and function != CONSOLE:
            content = self._bundler.with_bundle(content)
        return archive.write(self.out / f"{function}.zip", content)


def _own_content(function: str, contents: Mapping[str, Content]) -> Content:
    """Our own files in a function's package."""
    if function == CONSOLE:
        return contents[CONSOLE]
    return {name: path for name, path in contents["shared"].items() if function == "api" or not name.startswith(OF_API)}
