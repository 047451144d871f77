"""Starts the SDKs without what only their unused paths need: aiohttp and asyncio (their asynchronous calls), RSA, text formats.

aiohttp alone costs half of the time in which the SDKs are imported. Here stand-ins take the place of such modules until
something of them is used; then the real one is loaded. ``REPLANK_LAZY_AIOHTTP=0`` turns all of it off but for cryptography, which
is not even in the packages: the SDKs sign with HMAC, and only an RSA key pair, which a function's role never has, would need it.
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
"""Deferred whatever the switch says."""
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
"""What is deferred, with the names that the SDKs take from it while they are imported: a value, or None for a stand-in."""
_loading = threading.RLock()


class Name:
    """Stands for something imported by name from a deferred module; calling it or asking for an attribute loads the module."""

    def __init__(self, finder: Deferred, module: str, name: str) -> None:
        self._finder, self._module, self._name = finder, module, name

    def _real(self) -> Any:
        module = self._finder.load(self._module)
        return getattr(module, self._name, None) or importlib.import_module(f"{self._module}.{self._name}")

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._real()(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)


class StandIn(ModuleType):
    """A deferred module. Asking it for anything but the names expected while the SDKs are imported loads the real one."""

    def __getattr__(self, name: str) -> Any:
        finder: Deferred = self.__dict__["__loader__"]
        if name in finder.names and not finder.loaded:
            value = finder.names[name]
            return Name(finder, self.__name__, name) if value is None else value
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(finder.load(self.__name__), name)


class Deferred:
    """Finder and loader in one: answers the import of a module, and of those below it, with stand-ins until ``load``."""

    def __init__(self, root: str, names: Mapping[str, Any]) -> None:
        self.root, self.names = root, names
        self.loaded = False

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Ours, if it is the module or one below it."""
        if fullname != self.root and not fullname.startswith(f"{self.root}."):
            return None
        return ModuleSpec(fullname, cast(Any, self), is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A stand-in."""
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run."""

    def load(self, name: str) -> ModuleType:
        """Step aside, import the real module and return it, or one below it; ImportError if it is not there."""
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
    """Defer what is not loaded yet; once more changes nothing."""
    known = {finder.root for finder in sys.meta_path if isinstance(finder, Deferred)}
    for root, names in DEFERRED.items():
        wanted = root == NEVER or environment.get(SWITCH, "1") != "0"
        if wanted and root not in known and root not in sys.modules:
            sys.meta_path.insert(0, cast(Any, Deferred(root, names)))


@contextmanager
def starting(environment: Mapping[str, str]) -> Iterator[None]:
    """For the initializer: defers, and lets the garbage collector rest: thousands of classes are made, none of them garbage."""
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
