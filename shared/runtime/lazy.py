"""Imports the SDKs without the modules that Replank's calls never need, such as aiohttp for asynchronous calls.

The module aiohttp alone takes half of the SDKs' import time. Each unneeded module is replaced by a stand-in. The first use of a
stand-in loads the real module. ``REPLANK_LAZY_AIOHTTP=0`` turns off all stand-ins except the stand-in for cryptography, which is
not in the functions' packages. The SDKs need cryptography only to sign with an RSA key pair, and a function's role has no key
pair.
"""

from __future__ import annotations

import functools
import gc
import importlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

SWITCH = "REPLANK_LAZY_AIOHTTP"
NEVER = "cryptography"
"""The module that gets a stand-in even if REPLANK_LAZY_AIOHTTP=0 turns off all other stand-ins."""


def certificates_path() -> str:
    """The answer of ``certifi.where()``. certifi itself loads a dozen modules to find the file that lies beside it."""
    path = next((path for path in (f"{folder}/certifi/cacert.pem" for folder in sys.path) if os.path.exists(path)), "")
    return path or str(load_real_module("certifi").where())


DEFERRED: Mapping[str, Mapping[str, Any]] = {
    "aiohttp": {"ClientTimeout": None},
    "alibabacloud_tea_xml": {"Client": None},
    "asyncio": {},
    "certifi": {"where": certificates_path},
    "charset_normalizer": {"__version__": "3.0.0"},  # requests checks at import that this version is between 2 and 3
    "configparser": {},
    "crc32c": {},
    "cryptography": dict.fromkeys(("default_backend", "hashes", "load_pem_private_key", "padding")),
    "google.protobuf.internal.python_message": {},  # messages without the compiled implementation, which every package has
    "google.protobuf.text_format": {},
    "idna": {},
    "importlib.metadata": {"version": None},
    "inspect": {},
    "subprocess": {},
    "tablestore.flatbuffer": {"__all__": ()},  # the codec of SQL and time series; the SDK imports all its names with *
}
"""The modules whose import is deferred, each with the names that the SDKs import from the module.

Each name is mapped to the value that the SDKs get instead. None means a ``DeferredName``.
"""
_loading = threading.RLock()


class DeferredName:
    """A stand-in for a name that was imported from a deferred module.

    Calling the name, or reading one of its attributes, loads the real module.
    """

    def __init__(self, finder: DeferringFinder, module: str, name: str) -> None:
        self._finder, self._module, self._name = finder, module, name

    def _real_value(self) -> Any:
        module = self._finder.load_real_module(self._module)
        return getattr(module, self._name, None) or importlib.import_module(f"{self._module}.{self._name}")

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._real_value()(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real_value(), name)


class StandInModule(ModuleType):
    """A stand-in for a deferred module. Reading a name that DEFERRED does not list for this module loads the real module."""

    def __getattr__(self, name: str) -> Any:
        finder: DeferringFinder = self.__dict__["__loader__"]
        if name in finder.names and not finder.loaded:
            value = finder.names[name]
            return DeferredName(finder, self.__name__, name) if value is None else value
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(finder.load_real_module(self.__name__), name)


class DeferringFinder:
    """An import finder and loader for one deferred module.

    The finder provides stand-ins for the module and its submodules until one of the stand-ins is first used.
    """

    def __init__(self, root: str, names: Mapping[str, Any]) -> None:
        self.root, self.names = root, names
        self.loaded = False

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The import spec of the deferred module or of one of its submodules; None for any other module."""
        if fullname != self.root and not fullname.startswith(f"{self.root}."):
            return None
        return ModuleSpec(fullname, cast(Any, self), is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A stand-in for the module. The import system calls this method."""
        return StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing, because a stand-in has no code to run."""

    def load_real_module(self, name: str) -> ModuleType:
        """Remove the stand-ins, then import and return the real module. Raises ImportError if the real module does not exist."""
        if not self.loaded:
            with _loading:
                if self in sys.meta_path:
                    sys.meta_path.remove(cast(Any, self))
                for each, module in list(sys.modules.items()):
                    if isinstance(module, StandInModule) and module.__dict__["__loader__"] is self:
                        del sys.modules[each]
                importlib.import_module(self.root)
                self.loaded = True
        return importlib.import_module(name)


def load_real_module(root: str) -> ModuleType:
    """The real module in place of the stand-in. Raises ImportError if the real module does not exist."""
    finder = next((each for each in sys.meta_path if isinstance(each, DeferringFinder) and each.root == root), None)
    return finder.load_real_module(root) if finder is not None else importlib.import_module(root)


def defer_modules(environment: Mapping[str, str]) -> None:
    """Defer the import of each module in DEFERRED that is not loaded yet. A second call changes nothing."""
    known = {finder.root for finder in sys.meta_path if isinstance(finder, DeferringFinder)}
    for root, names in DEFERRED.items():
        wanted = root == NEVER or environment.get(SWITCH, "1") != "0"
        if wanted and root not in known and root not in sys.modules:
            sys.meta_path.insert(0, cast(Any, DeferringFinder(root, names)))


@contextmanager
def deferred_imports(environment: Mapping[str, str]) -> Iterator[None]:
    """Defer imports while a function instance starts.

    The garbage collector is paused too, because the imports make thousands of classes.
    """
    defer_modules(environment)
    import platform  # only now, because it imports modules that have stand-ins

    rests, architecture = gc.isenabled(), platform.architecture
    gc.disable()
    # The SDKs read the processor and the architecture for constants and user agents. Python would start the processes `uname -p`
    # and `file` to find them.
    vars(platform.uname()).setdefault("processor", "")
    platform.architecture = lambda *_: (f"{sys.maxsize.bit_length() + 1}bit", "")
    try:
        yield
    finally:
        platform.architecture = architecture
        if rests:
            _freeze_objects_of_first_start()
            gc.enable()


@functools.cache
def _freeze_objects_of_first_start() -> None:
    """Move all objects out of the collector's reach. Otherwise the collector would at once look at everything that the start has
    made. A process in which several functions start does this once. To count the frozen objects each time would cost milliseconds.
    """
    gc.freeze()
