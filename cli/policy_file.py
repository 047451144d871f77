"""Reads policy files in YAML or JSON. Each problem names a line and a column of the file.

Unquoted values are read as in YAML 1.2: every value is text, except whole numbers, true, false and null. For example, 22:00 and
2026-12-24 are text, although YAML 1.1 would read a number and a date. YAML anchors are refused, because they can expand a small
file to a huge policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cli.files import decoded_text
from cli.output import error_in_words
from cli.problem import bad_input_problem
from shared.domain.errors import Refused
from shared.domain.policy import parse_policy
from shared.runtime.requests import POLICY

Json = dict[str, Any]
Place = tuple[str | int, ...]
LARGEST = 1 << 20
_WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
_PLAIN = {"true": True, "false": False, "null": None, "~": None, "": None}
_NAMED = re.compile(r"policy((?:[.]\w+|\[\d+\])+)")
SCHEMA: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Policy of a batch (Replank)",
    "description": "What replank submit --policy and the field policy of POST /v1/batches take.",
    **POLICY,
}


@dataclass(frozen=True)
class PolicyFlaw:
    """One fault in a policy file. Lines and columns are counted from 1. The number 0 means that the position is not known."""

    line: int
    column: int
    field: str
    message: str


@dataclass
class ParsedPolicy:
    """The content of a policy file, with the line and column of each value, and the faults that were found."""

    document: Any = None
    places: dict[Place, tuple[int, int]] = field(default_factory=dict)
    flaws: list[PolicyFlaw] = field(default_factory=list)

    def flaw_in_field(self, place: Place, message: str) -> PolicyFlaw:
        """A flaw with the line and column of its field.

        If the file lacks the field, the line and column of the nearest enclosing field are used.
        """
        known = next((place[:end] for end in range(len(place), -1, -1) if place[:end] in self.places), ())
        return PolicyFlaw(*self.places.get(known, (0, 0)), field_path(place), message)


def read_policy_file(file: Path) -> Json:
    """The policy that a policy file contains. Raises Problem (Policy.Invalid), which names the first flaw."""
    written = parse_policy_file(file)
    for flaw in written.flaws:
        where = f"{file}:{flaw.line}:{flaw.column}: {flaw.field}"
        raise bad_input_problem(
            "Policy.Invalid", f"{where}: {flaw.message}", f"List everything that is wrong: replank policy check {file}"
        )
    found: Json = written.document
    return found


def parse_policy_file(file: Path) -> ParsedPolicy:
    """The parsed policy file with all its flaws. Raises Problem (File.Unreadable)."""
    try:
        content = file.read_bytes()
        if len(content) > LARGEST:
            raise ValueError(f"it has more than {LARGEST} bytes")
        text = decoded_text(content)
    except (OSError, ValueError) as error:
        raise bad_input_problem(
            "File.Unreadable", f"{file}: {error_in_words(error)}.", "Give a YAML or JSON file with one object."
        ) from None
    written = _parsed_policy(text)
    if not written.flaws:
        written.flaws = list(_validation_flaws(written))
    return written


def _parsed_policy(text: str) -> ParsedPolicy:
    written = ParsedPolicy()
    try:
        if any(isinstance(each, yaml.AliasEvent) for each in yaml.parse(text, yaml.SafeLoader)):
            raise ValueError("anchors and aliases are not allowed; write out the values")
        node = yaml.compose(text, yaml.SafeLoader)
        written.document = _yaml_node_value(node, (), written) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        written.flaws.append(PolicyFlaw(line, column, "policy", f"is neither YAML nor JSON: {error.problem or error.context}"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        written.flaws.append(PolicyFlaw(0, 0, "policy", error_in_words(error)))
    return written


def _yaml_node_value(node: Any, place: Place, written: ParsedPolicy) -> Any:
    written.places[place] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_yaml_node_value(each, (*place, number), written) for number, each in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _yaml_scalar_value(node)
    found: Json = {}
    for key, value in node.value:
        name = str(key.value)
        inner = (*place, name)
        if name in found:
            written.places[inner] = (key.start_mark.line + 1, key.start_mark.column + 1)
            written.flaws.append(written.flaw_in_field(inner, "is given twice"))
        found[name] = _yaml_node_value(value, inner, written)
        written.places[inner] = (key.start_mark.line + 1, key.start_mark.column + 1)
    return found


def _yaml_scalar_value(node: Any) -> Any:
    if node.style in ("'", '"', "|", ">"):
        return node.value
    if (_WHOLE.fullmatch(node.value) and not node.value.startswith("0")) or node.value == "0":
        return int(node.value)
    return _PLAIN.get(node.value, node.value)


def _validation_flaws(written: ParsedPolicy) -> Iterator[PolicyFlaw]:
    """The flaws that the published JSON Schema finds.

    If the schema finds no flaw, the flaws that the policy model finds are returned.
    """
    from jsonschema import Draft202012Validator  # loads slowly, and only this function needs it

    errors = sorted(Draft202012Validator(SCHEMA).iter_errors(written.document), key=lambda each: list(map(str, each.absolute_path)))
    for error in errors:
        place, message = tuple(error.absolute_path), error.message
        if error.validator == "additionalProperties" and isinstance(error.instance, dict):
            strangers = [name for name in error.instance if name not in error.schema.get("properties", {})]
            place, message = (*place, strangers[0]), f"is not a known field; known are {', '.join(error.schema['properties'])}"
        elif error.validator == "pattern":
            message = f"{error.instance[:60]!r} must be {error.schema.get('title', 'plain text of one line')}"
        yield written.flaw_in_field(place, message[:300])
    if not errors:
        yield from _model_flaws(written)


def _model_flaws(written: ParsedPolicy) -> Iterator[PolicyFlaw]:
    try:
        parse_policy(written.document)
    except Refused as error:
        named = _NAMED.search(f"{error.message} ".replace("policy.policy", "policy"))
        place = tuple(int(each) if each.isdigit() else each for each in re.findall(r"\w+", named[1])) if named else ()
        yield written.flaw_in_field(place, f"{error.message} {error.remedy}")


def field_path(place: Place) -> str:
    """The path of a field as it appears in messages, for example ``policy.windows[0].start``."""
    return "policy" + "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in place)
