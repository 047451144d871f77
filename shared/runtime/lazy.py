"""Starts the SDKs without modules that only their unused paths need: aiohttp and asyncio (asynchronous calls), RSA, text
formats. aiohttp alone takes half of the SDKs' import time. A stand-in replaces such a module until it is used; then the real
module is loaded. ``REPLANK_LAZY_AIOHTTP=0`` turns this off, except for cryptography, which the packages do not contain. The SDKs
sign with HMAC; only an RSA key pair, which a function's role never has, would need it.
"""

from __future__ import annotations

import gc
import importlib
import platform
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

SWITCH = "REPLANK_LAZY_AIOHTTP"
NEVER = "cryptography"
"""Modules that are deferred regardless of the switch."""
DEFERRED: Mapping[str, Mapping[str, Any]] = {
    "aiohttp": {"ClientTimeout": None},
    "asyncio": {},
    "charset_normalizer": {"__version__": "3.0.0"},  # requests asks at once whether it is older than 2 or newer than 3
    "configparser": {},
    "crc32c": {},
    "cryptography": dict.fromkeys(("default_backend", "hashes", "load_pem_private_key", "padding")),
    "google.protobuf.text_format": {},
    "importlib.metadata": {"version": None},
    "tablestore.flatbuffer": {"__all__": ()},  # the codec of SQL and time series, taken over with all its names
}
"""The deferred modules, each with the names that the SDKs import from it: a value, or None for a stand-in."""
_loading = threading.RLock()


class Name:
    """Stands for a name imported from a deferred module; calling it or reading an attribute loads the module."""

    def __init__(self, finder: Deferred, module: str, name: str) -> None:
        self._finder, self._module, self._name = finder, module, name

    def _real_module(self) -> Any:
        module = self._finder.load(self._module)
        return getattr(module, self._name, None) or importlib.import_module(f"{self._module}.{self._name}")

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._real_module()(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real_module(), name)


class StandIn(ModuleType):
    """A deferred module. Reading any other name than those expected during the import of the SDKs loads the real module."""

    def __getattr__(self, name: str) -> Any:
        finder: Deferred = self.__dict__["__loader__"]
        if name in finder.names and not finder.loaded:
            value = finder.names[name]
            return Name(finder, self.__name__, name) if value is None else value
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(finder.load(self.__name__), name)


class Deferred:
    """Finder and loader in one: until ``load``, it answers the import of a module and its submodules with stand-ins."""

    def __init__(self, root: str, names: Mapping[str, Any]) -> None:
        self.root, self.names = root, names
        self.loaded = False

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The spec, if the name is the module or one of its submodules."""
        if fullname != self.root and not fullname.startswith(f"{self.root}."):
            return None
        return ModuleSpec(fullname, cast(Any, self), is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A stand-in."""
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Runs nothing, because the module is a stand-in."""

    def load(self, name: str) -> ModuleType:
        """Step aside, then import and return the real module or submodule; raises ImportError if it does not exist."""
        if not self.loaded:
            with _loading:
                if self in sys.meta_path:
                    sys.meta_path.remove(cast(Any, self))
                for each, module in list(sys.modules.items()):
                    if isinstance(module, StandIn) and module.__dict__["__loader__"] is self:
                        del sys.modules[each]
                importlib.import_module(self.root)
                self.loaded = True
        return importlib.import_module(name)


def install(environment: Mapping[str, str]) -> None:
    """Defer the modules that are not loaded yet; a second call changes nothing."""
    known = {finder.root for finder in sys.meta_path if isinstance(finder, Deferred)}
    for root, names in DEFERRED.items():
        wanted = root == NEVER or environment.get(SWITCH, "1") != "0"
        if wanted and root not in known and root not in sys.modules:
            sys.meta_path.insert(0, cast(Any, Deferred(root, names)))


@contextmanager
def start_lazily(environment: Mapping[str, str]) -> Iterator[None]:
    """For the initializer: defers modules and pauses the garbage collector, because thousands of classes are made and kept."""
    install(environment)
    rests, architecture = gc.isenabled(), platform.architecture
    gc.disable()
    # The SDKs ask for these two for constants and user agents, and both would start a process (`file`, `uname -p`) to find out.
    vars(platform.uname()).setdefault("processor", "")
    platform.architecture = lambda *_: (f"{sys.maxsize.bit_length() + 1}bit", "")
    try:
        yield
    finally:
        platform.architecture = architecture
        if rests:
            gc.enable()
