"""Imports the modules of a package from one file, the bundle.

A start imports some 200 modules of the package. To search folders for each of them and to read each from its own file takes a tenth
of the start. The bundle has the bytecode of all modules that a start imports (tools/package/bundle.py). The generated models of an
SDK are in it class by class: ECS has 1,900 classes, and a process needs 60 of them.

A start also compiles 80 to 140 regular expressions, of Python, of the SDKs and of our own. That takes a sixth of the start, so the
bundle has them compiled too.

Every other module comes from its own file, and Python compiles every other regular expression. So it is with all of them if there
is no bundle, if another version of Python wrote it, or if ``REPLANK_BUNDLE=0`` turns it off.
"""

from __future__ import annotations

import _sre  # type: ignore[import-not-found]
import marshal
import mmap
import re
import sys
import threading
from collections.abc import Iterable, Mapping
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import MAGIC_NUMBER
from types import CodeType, ModuleType
from typing import Any, cast

SWITCH = "REPLANK_BUNDLE"
NAME = "modules.bundle"
"""The name of the bundle in the package's folder.

Its content: ``MAGIC_NUMBER``, 4 bytes with the length of the head, the head, the bytecode. The head is a marshalled
``(index, magic of regular expressions, patterns)``.

The index is ``{module: (source, start, end, classes)}``. ``source`` is the path of the module's source in the package. The
positions count from the end of the head. ``classes`` is empty except for generated models. There it maps the name of each class to
``(start, end, needed)``, and the module's own code has no class. ``needed`` lists the other classes that the class refers to.

``patterns`` is ``{(pattern, flags): (all flags, code, groups, number of each named group, name of each group)}``: what Python's own
compiler gave to ``_sre.compile``. ``code`` has 4 bytes for each number, in the order of the machine.
"""
Piece = tuple[int, int, tuple[str, ...]]
Index = Mapping[str, tuple[str, int, int, Mapping[str, Piece]]]
Patterns = Mapping[tuple[str | bytes, int], tuple[int, bytes, int, dict[str, int], tuple[str | None, ...]]]
_loading = threading.RLock()


class BundledModuleLoader(SourceFileLoader):
    """Loads a module from the bundle. What belongs to the module's file, such as its source, comes from the file."""

    def __init__(self, fullname: str, path: str, bytecode: memoryview, position: slice, classes: Mapping[str, Piece]) -> None:
        super().__init__(fullname, path)
        self._bytecode, self._position, self._classes = bytecode, position, classes

    def get_code(self, fullname: str) -> CodeType:
        """The module's code. The import system calls this method."""
        return cast(CodeType, marshal.loads(self._bytecode[self._position]))

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code. Models get a ``__getattr__``, which makes a class when the class is first used."""
        super().exec_module(module)
        if self._classes:
            module.__dict__["__getattr__"] = lambda name: self._class_with_name(module, name)
            module.__dict__["__dir__"] = lambda: sorted({*module.__dict__, *self._classes})

    def _class_with_name(self, module: ModuleType, name: str) -> Any:
        if name not in self._classes:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        with _loading:
            # In the order of the source, so that a base class is made before the classes that extend it.
            for start, end in sorted(self._classes[each][:2] for each in self._all_needed([name]) - module.__dict__.keys()):
                exec(marshal.loads(self._bytecode[start:end]), module.__dict__)
        return module.__dict__[name]

    def _all_needed(self, names: Iterable[str]) -> set[str]:
        """The names of these classes and of all that they refer to. A method finds classes only among the module's names."""
        found, rest = set[str](), list(names)
        while rest:
            name = rest.pop()
            if name not in found:
                found.add(name)
                rest += self._classes[name][2]
        return found


class BundleFinder:
    """An import finder for the modules of one bundle."""

    def __init__(self, folder: str, index: Index, bytecode: memoryview) -> None:
        self._folder, self._index, self._bytecode = folder, index, bytecode

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The import spec of a module in the bundle; None for any other module."""
        entry = self._index.get(fullname)
        if entry is None:
            return None
        source, start, end, classes = entry
        location = f"{self._folder}/{source}"
        loader = BundledModuleLoader(fullname, location, self._bytecode, slice(start, end), classes)
        spec = ModuleSpec(fullname, loader, origin=location, is_package=source.endswith("/__init__.py"))
        spec.has_location, spec.cached = True, f"{self._folder}/{NAME}"
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(location.rpartition("/")[0])
        return spec


def use_patterns(patterns: Patterns) -> None:
    """Let ``re`` take these regular expressions as they are in the bundle. Python compiles all others as before."""
    compiler: Any = getattr(re, "_compiler", None) or vars(re)["sre_compile"]  # the second is its name in Python 3.10
    compile_here = compiler.compile

    def compile_pattern(pattern: Any, flags: int = 0) -> re.Pattern[Any]:
        found = patterns.get((pattern, flags))
        if found is None:
            return cast("re.Pattern[Any]", compile_here(pattern, flags))
        all_flags, code, *groups = found
        return cast("re.Pattern[Any]", _sre.compile(pattern, all_flags, memoryview(code).cast("I").tolist(), *groups))

    compiler.compile = compile_pattern


def use_bundle(environment: Mapping[str, str]) -> None:
    """Import from the bundle in the package's folder, if there is one that fits. A second call changes nothing."""
    folder = __file__.removesuffix("/shared/runtime/bundle.py")
    if environment.get(SWITCH, "1") == "0" or any(isinstance(finder, BundleFinder) for finder in sys.meta_path):
        return
    try:
        with open(f"{folder}/{NAME}", "rb") as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))  # most classes are never read
    except (OSError, ValueError):  # no bundle, or an empty file
        return
    head_at = len(MAGIC_NUMBER) + 4
    if content[: len(MAGIC_NUMBER)] == MAGIC_NUMBER:
        bytecode_at = head_at + int.from_bytes(content[len(MAGIC_NUMBER) : head_at], "little")
        index, magic, patterns = marshal.loads(content[head_at:bytecode_at])
        sys.meta_path.insert(0, cast(Any, BundleFinder(folder, index, content[bytecode_at:])))
        if magic == _sre.MAGIC:
            use_patterns(patterns)
