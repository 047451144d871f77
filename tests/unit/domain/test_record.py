"""Our decorator beside the standard one: each class is made twice, and the two behave in the same way."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import field
from functools import partial
from typing import Any

import pytest

from shared.domain import record
from tests.support.repository import ROOT

Decorator = Callable[..., Any]


def plain(dataclass: Decorator) -> Any:
    @dataclass
    class Plain:
        """Not frozen."""

        name: str
        size: int = 3

    return Plain


def frozen(dataclass: Decorator) -> Any:
    @dataclass(frozen=True)
    class Frozen:
        """Frozen, with each kind of field that shared/ has."""

        name: str
        size: int = 3
        tags: tuple[str, ...] = ()
        notes: dict[str, str] = field(default_factory=dict, compare=False)
        secret: str = field(default="s", repr=False)
        bounded: int = field(default=5, metadata={"bounds": (1, 9)})

    return Frozen


def without_description(dataclass: Decorator) -> Any:
    @dataclass(frozen=True)
    class Bare:
        name: str
        items: list[str] = field(default_factory=list)

    return Bare


def empty(dataclass: Decorator) -> Any:
    @dataclass(frozen=True)
    class Empty:
        """No field."""

    return Empty


def derived(dataclass: Decorator) -> Any:
    @dataclass(frozen=True)
    class Base:
        """The base."""

        name: str
        size: int

    @dataclass(frozen=True)
    class Derived(Base):
        """A field more, and another default."""

        size: int = 7
        more: str = "m"

    return Derived


def own_methods(dataclass: Decorator) -> Any:
    @dataclass(frozen=True)
    class Own:
        """Keeps what the class defines itself."""

        name: str
        size: int = 3

        def __repr__(self) -> str:
            return "own"

        def __post_init__(self) -> None:
            if self.size < 0:
                raise ValueError("size")

    return Own


def recursive(dataclass: Decorator) -> Any:
    @dataclass
    class Node:
        """May contain itself."""

        name: object
        size: Any = None

    return Node


KINDS = (plain, frozen, without_description, empty, derived, own_methods, recursive)
CALLS: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    ((), {}),
    (("a",), {}),
    (("a", 4), {}),
    ((), {"name": "a", "size": 5}),
    (("a",), {"name": "b"}),
    (("a",), {"unknown": 1}),
    (("a", -1), {}),
    (tuple("abcdefgh"), {}),
)


def outcome(act: Callable[[], Any]) -> Any:
    """What an act returns, or its error."""
    try:
        return act()
    except Exception as error:
        return type(error), str(error)


def all_of(act: Callable[[Any], Any], kind: Callable[[Decorator], Any]) -> tuple[Any, Any]:
    """The outcomes with a new class of ours and with a new standard class."""
    return outcome(lambda: act(kind(record.dataclass))), outcome(lambda: act(kind(dataclasses.dataclass)))


def first(cls: Any) -> Any:
    """An object, with the first of the calls that succeeds."""
    made = (outcome(partial(cls, *arguments, **named)) for arguments, named in CALLS)
    return next(each for each in made if isinstance(each, cls))


def shape(made: Any) -> Any:
    """An object as it is seen from outside."""
    return made if isinstance(made, tuple) else (repr(made), vars(made), dataclasses.asdict(made), dataclasses.astuple(made))


def hash_of_fields(made: Any) -> Any:
    """Its hash, which counts the compared fields only."""
    return hash(made) == hash(tuple(getattr(made, each.name) for each in dataclasses.fields(made) if each.compare))


def changed(act: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An act on the first object, followed by the object's shape."""

    def run(cls: Any) -> Any:
        made = first(cls)
        return outcome(lambda: act(made)), shape(made)

    return run


def set_in_subclass(cls: Any) -> Any:
    class Sub(cls):  # type: ignore[misc]
        """No dataclass itself: it may have attributes of its own."""

    made = first(Sub)
    made.other = 1
    del made.other
    return outcome(lambda: setattr(made, "name", "z")), outcome(lambda: delattr(made, "name")), shape(made)


ACTS: dict[str, Callable[[Any], Any]] = {
    "signature": lambda cls: str(inspect.signature(cls)),
    "signature of the method": lambda cls: str(inspect.signature(cls.__init__)),
    "description": lambda cls: cls.__doc__,
    "names": lambda cls: (cls.__init__.__name__, cls.__init__.__qualname__, cls.__init__.__module__, cls.__match_args__),
    "annotations": lambda cls: (cls.__annotations__, {**cls.__init__.__annotations__}),
    "fields": lambda cls: [(each.name, each.type, each.repr, each.compare, {**each.metadata}) for each in dataclasses.fields(cls)],
    "defaults": lambda cls: [getattr(cls, each.name, "none") for each in dataclasses.fields(cls)],
    "is one": lambda cls: (dataclasses.is_dataclass(cls), dataclasses.is_dataclass(first(cls))),
    "equal": lambda cls: (first(cls) == first(cls), first(cls) != first(cls), first(cls) == 1, first(cls) in [first(cls)]),
    "unequal to a changed one": lambda cls: first(cls) == dataclasses.replace(first(cls), size=8),
    "not compared": lambda cls: first(cls) == dataclasses.replace(first(cls), notes={"a": "b"}),
    "unequal to a subclass": lambda cls: first(cls) == first(type("Sub", (cls,), {})),
    "hash": lambda cls: hash_of_fields(first(cls)),
    "in a set": lambda cls: len({first(cls), first(cls)}),
    "hash of the class": lambda cls: cls.__hash__ is None,
    "ordered": lambda cls: first(cls) < first(cls),
    "replaced": lambda cls: shape(dataclasses.replace(first(cls), name="z")),
    "replaced by an unknown field": lambda cls: shape(dataclasses.replace(first(cls), unknown="z")),
    "copied": lambda cls: (shape(copy.copy(first(cls))), shape(copy.deepcopy(first(cls))), copy.deepcopy(first(cls)) == first(cls)),
    "set": changed(lambda made: setattr(made, "name", "z")),
    "set another": changed(lambda made: setattr(made, "other", "z")),
    "deleted": changed(lambda made: delattr(made, "name")),
    "deleted another": changed(lambda made: delattr(made, "other")),
    "a subclass": set_in_subclass,
    "factories called for each": lambda cls: first(cls).notes is first(cls).notes,
    "mutable default": lambda cls: first(cls).items,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(ACTS))
def test_as_the_standard_one(name: str, kind: Callable[[Decorator], Any]) -> None:
    ours, standard = all_of(ACTS[name], kind)
    assert ours == standard


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", CALLS)
def test_constructed_as_the_standard_one(call: tuple[tuple[Any, ...], dict[str, Any]], kind: Callable[[Decorator], Any]) -> None:
    ours, standard = all_of(lambda cls: shape(cls(*call[0], **call[1])), kind)
    assert ours == standard


def test_an_object_may_contain_itself() -> None:
    def act(cls: Any) -> Any:
        made = cls("a")
        made.size = made
        return repr(made)

    ours, standard = all_of(act, recursive)
    assert ours == standard


def test_a_match_takes_the_fields_in_order() -> None:
    cls = frozen(record.dataclass)
    match cls("a", 4):
        case cls(name, size):
            assert (name, size) == ("a", 4)


@record.dataclass(frozen=True)
class Kept:
    """A class that pickle finds by name."""

    name: str
    size: int = 3


def test_pickled() -> None:
    made: Kept = pickle.loads(pickle.dumps(Kept("a", 4)))
    assert (made, hash(made), repr(made)) == (Kept("a", 4), hash(Kept("a", 4)), "Kept(name='a', size=4)")


def test_a_base_of_the_other_kind_is_refused() -> None:
    def thaw(dataclass: Decorator) -> Any:
        return dataclass(type("Sub", (frozen(dataclass),), {}))

    def freeze(dataclass: Decorator) -> Any:
        return dataclass(frozen=True)(type("Sub", (plain(dataclass),), {}))

    for act in (thaw, freeze):
        for decorator in (record.dataclass, dataclasses.dataclass):
            with pytest.raises(TypeError, match="inherit"):
                act(decorator)


def test_a_default_before_none_is_refused() -> None:
    def act(dataclass: Decorator) -> Any:
        return inspect.signature(
            dataclass(type("Wrong", (), {"__annotations__": {"a": "int", "b": "int"}, "a": 1, "__doc__": "."}))
        )

    for decorator in (record.dataclass, dataclasses.dataclass):
        with pytest.raises(TypeError, match="non-default argument 'b' follows default argument"):
            act(decorator)


@pytest.mark.parametrize("options", [{"init": False, "default": 1}, {"kw_only": True}])
def test_what_it_cannot_do_is_refused(options: dict[str, Any]) -> None:
    wrong: Any = record.dataclass(type("Wrong", (), {"__doc__": ".", "__annotations__": {"a": "int"}, "a": field(**options)}))
    with pytest.raises(TypeError, match="not supported"):
        wrong(1)
    with pytest.raises(TypeError):
        record.dataclass(order=True)


def test_nothing_is_compiled_before_its_first_use() -> None:
    cls = frozen(record.dataclass)
    later = {"__init__", "__repr__", "__eq__", "__hash__"}
    assert {name for name, value in vars(cls).items() if isinstance(value, record.MethodNotCompiled)} == later
    cls("a")
    assert {name for name, value in vars(cls).items() if isinstance(value, record.MethodNotCompiled)} == later - {"__init__"}
    assert cls("a") == cls("a")
    assert len({repr(cls("a")), str(hash(cls("a")))}) == 2
    assert not any(isinstance(value, record.MethodNotCompiled) for value in vars(cls).values())


EVERY = """
import dataclasses, importlib, inspect, json, pkgutil, sys
import shared
from shared.domain import record
for each in pkgutil.walk_packages(shared.__path__, "shared."):
    importlib.import_module(each.name)
classes = [each for name, module in list(sys.modules.items()) if name.startswith("shared.") for each in vars(module).values()
           if isinstance(each, type) and each.__module__ == name and dataclasses.is_dataclass(each)]
lost = [str(each) for each in classes if "__dataclass_fields__" not in vars(each)]
wrong = []
for each in classes:
    twin = dataclasses.make_dataclass(each.__name__, [(f.name, f.type, f) for f in dataclasses.fields(each)],
                                      frozen=each.__hash__ is not None, namespace={"__doc__": each.__doc__})
    if str(inspect.signature(each)) != str(inspect.signature(twin)):
        wrong.append(str(each))
    for name in ("__repr__", "__eq__", "__hash__"):
        getattr(each, name)
print(json.dumps([len(classes), lost, wrong]))
"""


def test_every_class_of_shared_has_the_standard_signature() -> None:
    done = subprocess.run([sys.executable, "-c", EVERY], cwd=ROOT, check=True, capture_output=True, text=True, timeout=120)
    number, lost, wrong = json.loads(done.stdout)
    assert (lost, wrong) == ([], [])
    assert number > 200
