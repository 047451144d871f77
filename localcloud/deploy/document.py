"""YAML with the line of every value, so that a mistake can be named by file, line and path."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Place = tuple[str | int, ...]
_SHORT_TAGS = {"!Ref": "Ref", "!Sub": "Fn::Sub", "!GetAtt": "Fn::GetAtt", "!Join": "Fn::Join"}
_MERGE_TAG = "tag:yaml.org,2002:merge"
MAX_DEPTH = 64
_Fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's wheels have it; an installation without libyaml has not."""
_BRACKETS, _LINE = 5000, 2000


class DeployError(Exception):
    """Everything wrong with the deployment files, one line each: ``file:line: path: what``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass
class Document:
    """A parsed file: ``value``, the lines of its parts, and the problems found in it so far."""

    name: str
    value: Any
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def complain(self, place: Place, message: str) -> None:
        """Note a problem at a place (or at the nearest place above it that the file has)."""
        nearest = place
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        path = ".".join(map(str, place)) or "(file)"
        self.problems.append(f"{self.name}:{self.lines.get(nearest, 1)}: {path}: {message}")

    def need_sound(self) -> None:
        """Raise DeployError if any problem was noted."""
        if self.problems:
            raise DeployError(self.problems)


def load(path: Path) -> Document:
    """Parse a file; raises DeployError where it is missing or no YAML (duplicate keys are problems of the document)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError([f"{path}:1: the file cannot be read: {error}"]) from error
    return parse(str(path), text)


def parse(name: str, text: str) -> Document:
    """Parse a text; raises DeployError if it is no YAML."""
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
    """The nodes of a text. The parser in C takes a tenth of the time; the one in Python says better what is wrong."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader if _may_be_deep(text) else _Fast)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def _may_be_deep(text: str) -> bool:
    """Whether a text may be nested so deep that the parser in C would end the process; no file for people is."""
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
    """What ``<<: *anchor`` (or a list of anchors, the first of which wins) brings in."""
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
