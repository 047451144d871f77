"""Puts the packages together: which SDKs each function carries, and what else."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from shared.runtime.bootstrap import FUNCTIONS, USES_ECS, USES_SMC
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


def sdks_of(function: str) -> list[str]:
    """The SDKs a function carries."""
    return [sdk for sdk, functions in SDKS.items() if function in functions]


class Builder:
    """Builds packages for one target. ``python`` is its interpreter, None where this machine has none: then sources only."""

    def __init__(self, target: Target, out: Path, *, root: Path = ROOT, wheels: Path | None = None) -> None:
        self.target, self.out, self._root = target, out, root
        self.python = interpreter(target)
        self.wheels = Wheelhouse((wheels or out / "wheels") / target.tag, target)
        self._work = out / "tree" / target.tag
        self._unpacked: dict[str, Content] = {}

    def build(self, functions: Iterable[str] = FUNCTIONS) -> dict[str, int]:
        """Write ``<function>.zip`` for each; the sizes in bytes by function. Raises NotAvailable or TooLarge."""
        shutil.rmtree(self._work, ignore_errors=True)
        self._unpacked = {}
        wanted = list(functions)
        closures = {function: self.wheels.closure(sdks_of(function)) for function in wanted}
        self._unpack({name: wheel for closure in closures.values() for name, wheel in closure.items()})
        own_content = self._with_compiled(own(self._root, ["shared"]), "own")
        return {function: self._write(function, list(closures[function]), own_content) for function in wanted}

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
