"""The decorator ``dataclass`` for the classes of ``shared/``. It compiles a method when the method is first used.

The standard decorator compiles up to six methods for each class at import, and one process uses few of them (decision 26). Only
``frozen`` can be given here, because nothing else is needed. ``fields``, ``replace`` and the like work as usual.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a type checker knows only the standard decorator
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, /, *, frozen: bool = False) -> Any:
        """As ``dataclasses.dataclass``. Used as ``@dataclass`` or ``@dataclass(frozen=True)``."""
        return _decorated(cls, frozen) if cls is not None else lambda given: _decorated(given, frozen)


class FactoryDefault:
    """The default of an argument whose value a ``default_factory`` makes. It is shown as the standard decorator shows it."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = FactoryDefault()


class MethodNotCompiled:
    """Stands in a class for one of its methods. The first use of the method compiles it and puts it into the class."""

    def __init__(self, owner: type, name: str, frozen: bool) -> None:
        self._owner, self._name, self._frozen = owner, name, frozen

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        own = self._name == "__init__"
        method = _compiled_init(self._owner, self._frozen) if own else _standard_method(self._owner, self._name)
        setattr(self._owner, self._name, method)
        return method.__get__(instance, owner)


def _decorated(cls: Any, frozen: bool) -> type:
    for base in cls.__mro__[1:]:
        if is_dataclass(base) and (vars(base).get("__hash__") is None) is frozen:
            raise TypeError("a frozen dataclass and one that is not frozen cannot inherit from each other")
    for name in ("__init__", "__repr__", "__eq__"):
        if name not in vars(cls):
            setattr(cls, name, MethodNotCompiled(cls, name, frozen))
    made: type = dataclasses.dataclass(init=False, repr=False, eq=False)(cls)  # without methods, it compiles nothing
    cls.__hash__ = MethodNotCompiled(cls, "__hash__", frozen) if frozen else None
    if frozen:
        cls.__setattr__, cls.__delattr__ = _frozen_methods(cls)
    return made


def _compiled_init(owner: Any, frozen: bool) -> Any:
    """The method ``__init__``. It is our own, because the standard decorator would compile two more methods with it."""
    names: dict[str, Any] = {"__name__": owner.__module__, "__put__": object.__setattr__, "__factory__": _FACTORY}
    defaults: list[Any] = []
    lines = []
    for each in fields(owner):
        name = value = each.name
        if not each.init or each.kw_only:
            raise TypeError(f"field {name!r}: init and kw_only are not supported")
        if each.default_factory is not MISSING:
            names[f"__make_{name}__"] = each.default_factory
            defaults.append(_FACTORY)
            value = f"__make_{name}__() if {name} is __factory__ else {name}"
        elif each.default is not MISSING:
            defaults.append(each.default)
        elif defaults:
            raise TypeError(f"non-default argument {name!r} follows default argument")
        lines.append(f"\n __put__(self, {name!r}, {value})" if frozen else f"\n self.{name} = {value}")
    if hasattr(owner, "__post_init__"):
        lines.append("\n self.__post_init__()")
    exec(f"def __init__({', '.join(['self', *(each.name for each in fields(owner))])}):{''.join(lines) or ' pass'}", names)
    made = names["__init__"]
    made.__qualname__ = f"{owner.__qualname__}.__init__"
    made.__defaults__ = tuple(defaults)
    made.__annotations__ = {**{each.name: each.type for each in fields(owner)}, "return": None}
    return made


def _standard_method(owner: Any, name: str) -> Any:
    """The method ``name`` as the standard decorator makes it for a class with the same fields."""
    known = fields(owner)
    body: dict[str, Any] = {each.name: each for each in known}
    body["__annotations__"] = {each.name: each.type for each in known}
    body |= {"__module__": owner.__module__, "__qualname__": owner.__qualname__, "__doc__": "Without it, dataclass would make one."}
    made = type(owner.__name__, (), body)
    dataclasses.dataclass(init=False, repr=name == "__repr__", eq=name != "__repr__", unsafe_hash=name == "__hash__")(made)
    return vars(made)[name]


def _frozen_methods(cls: Any) -> tuple[Callable[..., None], Callable[..., None]]:
    """The methods ``__setattr__`` and ``__delattr__`` of a frozen class. A plain subclass may have more attributes."""
    known = {each.name for each in fields(cls)}

    def __setattr__(self: object, name: str, value: object) -> None:
        if type(self) is cls or name in known:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: object, name: str) -> None:
        if type(self) is cls or name in known:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return __setattr__, __delattr__
