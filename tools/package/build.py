"""Puts the packages together: which SDKs each function carries, and what else.

Two things are carried that a start does not import:

- ``shared/``, whole in every package: 0.6 MB of a zip, bytecode included, of 6.2 (api) to 7.6 (watch); 0.75 of 7.1 to 8.8 for 3.12.
  Functions read rows that others wrote, and import stages and adapters when a message asks for them (shared/runtime/entrypoint.py,
  bootstrap.py): a selection per function would have to follow those imports, would be wrong only in production, and would let two
  functions differ in what they hold to be the same. What is not imported costs a start nothing but its unpacking.
- aiohttp and what it alone needs (multidict, yarl, frozenlist, propcache, attrs ...): 3.2 MB of a zip, half of api's. The SDKs of
  Tablestore and the generated clients import it by name at their top. shared/runtime/lazy.py puts a stand-in there, which loads
  the real one when something of it is used, and its switch (REPLANK_LAZY_AIOHTTP=0 in a function's environment) takes the stand-in
  away without a new package: both need the real one to be there. cryptography, which is stood in for whatever the switch says,
  is left out (UNUSED in wheelhouse.py) but for api, which checks tokens with it (4 MB).
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from shared.runtime.composition import FUNCTIONS, USES_ECS, USES_SMC
from tools.package import archive
from tools.package.content import Content, compiled, own, unpack
from tools.package.target import Target, interpreter
from tools.package.wheelhouse import ROOT, Wheelhouse, pins

SDKS: dict[str, Collection[str]] = {
    "tablestore": FUNCTIONS,
    "alibabacloud-eventbridge": FUNCTIONS,
    "alibabacloud-ecs20140526": USES_ECS,
    "alibabacloud-smc20190601": USES_SMC,
}
"""Which functions carry an SDK: those whose role may call its service (a test compares the two)."""


CONSOLE = "console"
"""The function that is a client of the API: it carries its own folder in place of shared/, and no SDK."""
PACKAGES = (*FUNCTIONS, CONSOLE)
LIBRARIES: dict[str, Collection[str]] = {
    "pyjwt": ("api",),
    "cryptography": ("api",),
    "tzdata": FUNCTIONS,
    "jinja2": (CONSOLE,),
}
"""Which functions carry what is no SDK: api checks the tokens of the identity provider; the policy of notices may name a zone, and
every function reads it with its settings; the console makes its pages of templates."""


def sdks_of(function: str) -> list[str]:
    """The SDKs a function carries."""
    return [sdk for sdk, functions in SDKS.items() if function in functions]


def libraries_of(function: str) -> list[str]:
    """The other libraries a function carries."""
    return [name for name, functions in LIBRARIES.items() if function in functions]


class Builder:
    """Builds packages for one target. ``python`` is its interpreter, None if this machine has none: then sources only."""

    def __init__(self, target: Target, out: Path, *, root: Path = ROOT, wheels: Path | None = None) -> None:
        self.target, self.out, self._root = target, out, root
        self.python = interpreter(target)
        self.wheels = Wheelhouse((wheels or out / "wheels") / target.tag, target)
        self._work = out / "tree" / target.tag
        self._unpacked: dict[str, Content] = {}

    def build(self, functions: Iterable[str] = PACKAGES) -> dict[str, int]:
        """Write ``<function>.zip`` for each; the sizes in bytes by function. Raises NotAvailable or TooLarge."""
        shutil.rmtree(self._work, ignore_errors=True)
        self._unpacked = {}
        wanted = list(functions)
        closures = {function: self.wheels.closure([*sdks_of(function), *libraries_of(function)]) for function in wanted}
        self._unpack({name: wheel for closure in closures.values() for name, wheel in closure.items()})
        rooms = {CONSOLE if function == CONSOLE else "shared" for function in wanted}
        contents = {room: self._with_compiled(own(self._root, [room]), f"own-{room}") for room in rooms}
        return {
            function: self._write(function, list(closures[function]), contents[CONSOLE if function == CONSOLE else "shared"])
            for function in wanted
        }

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
        return archive.write(self.out / f"{function}.zip", content)
