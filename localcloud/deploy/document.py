"""YAML with the line of every value, so that an error message can give file, line and path."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

Place = tuple[str | int, ...]
_SHORT_TAGS = {"!Ref": "Ref", "!Sub": "Fn::Sub", "!GetAtt": "Fn::GetAtt", "!Join": "Fn::Join"}
_MERGE_TAG = "tag:yaml.org,2002:merge"
MAX_DEPTH = 64
_Fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's wheels have the parser in C; an installation without libyaml does not."""
_BRACKETS, _LINE = 5000, 2000


class DeployError(Exception):
    """All errors in the deployment files, one line each: ``file:line: path: what``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass
class Document:
    """A parsed file: its ``value``, the line of each part, and the problems found in the file so far."""

    name: str
    value: Any
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def complain(self, place: Place, message: str) -> None:
        """Record a problem at a path. The line is that of the nearest parent that the file has."""
        nearest = place
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        path = ".".join(map(str, place)) or "(file)"
        self.problems.append(f"{self.name}:{self.lines.get(nearest, 1)}: {path}: {message}")

    def need_sound(self) -> None:
        """Raise DeployError if any problem was recorded."""
        if self.problems:
            raise DeployError(self.problems)


def load(path: Path) -> Document:
    """Parse a file. Raises DeployError if the file is missing or not YAML. Duplicate keys are recorded as problems of the
    document.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError([f"{path}:1: the file cannot be read: {error}"]) from error
    return parse(str(path), text)


def parse(name: str, text: str) -> Document:
    """Parse a text. Raises DeployError if the text is not YAML."""
    found: Document = pickle.loads(_parsed(name, text))
    return found


@lru_cache(maxsize=16)
def _parsed(name: str, text: str) -> bytes:
    """The document, pickled: many accounts in one process are deployed from the same files, and each may change its document."""
    return pickle.dumps(_parse(name, text))


def _parse(name: str, text: str) -> Document:
    document = Document(name, None)
    try:
        node = _composed(text)
        document.value = _value(document, node, ()) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DeployError([f"{name}:{line}: no YAML: {error.problem or error.context}"]) from error
    except RecursionError:
        raise DeployError([f"{name}:1: nested deeper than {MAX_DEPTH} levels"]) from None
    return document


def _composed(text: str) -> yaml.Node | None:
    """The YAML nodes of a text. The parser in C is ten times as fast; the parser in Python has better error messages."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader if _may_be_deep(text) else _Fast)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def _may_be_deep(text: str) -> bool:
    """Whether a text may be nested so deeply that the parser in C would crash the process. Files that people write are not."""
    return text.count("[") + text.count("{") > _BRACKETS or any(len(line) > _LINE for line in text.splitlines())


def _value(document: Document, node: yaml.Node, place: Place) -> Any:
    document.lines[place] = node.start_mark.line + 1
    if len(place) > MAX_DEPTH:
        document.complain(place, f"nested deeper than {MAX_DEPTH} levels")
        return None
    if node.tag in _SHORT_TAGS:
        return {_SHORT_TAGS[node.tag]: _tagged(document, node, place)}
    if isinstance(node, yaml.MappingNode):
        return _mapping(document, node, place)
    if isinstance(node, yaml.SequenceNode):
        return [_value(document, each, (*place, at)) for at, each in enumerate(node.value)]
    return _scalar(document, node, place)


def _tagged(document: Document, node: yaml.Node, place: Place) -> Any:
    if isinstance(node, yaml.ScalarNode):
        text: str = node.value
        return text.split(".", 1) if node.tag == "!GetAtt" else text
    return [_value(document, each, (*place, at)) for at, each in enumerate(node.value)]


def _mapping(document: Document, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
    own: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        inner = (*place, key)
        if key_node.tag == _MERGE_TAG:
            merged = {**_merged(document, value_node, place), **merged}
            continue
        if key in own:
            document.lines[inner] = key_node.start_mark.line + 1
            document.complain(inner, "the key stands here twice")
        own[key] = _value(document, value_node, inner)
        document.lines[inner] = key_node.start_mark.line + 1
    return {**merged, **own}


def _merged(document: Document, node: yaml.Node, place: Place) -> dict[str, Any]:
    """The values that ``<<: *anchor`` merges in. If a list of anchors is given, the first one wins."""
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    found: dict[str, Any] = {}
    for each in reversed(nodes):
        value = _value(document, each, place)
        if not isinstance(value, dict):
            document.complain(place, "<< merges objects only")
        else:
            found.update(value)
    return found


def _scalar(document: Document, node: yaml.Node, place: Place) -> Any:
    if not isinstance(node, yaml.ScalarNode) or not node.tag.startswith("tag:yaml.org,2002:"):
        document.complain(place, f"the tag {node.tag} is not known here")
        return None
    if node.tag.endswith((":timestamp", ":binary")):
        return node.value
    return yaml.constructor.SafeConstructor().construct_object(node, deep=True)
