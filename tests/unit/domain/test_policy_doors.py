"""One policy: the API, the event, the command and stored rows have the same fields, bounds and defaults."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from cli.main import run
from shared.domain.choice import camel_case
from shared.domain.codec import decode, encode
from shared.domain.commands import CommandRule
from shared.domain.errors import Refused
from shared.domain.notice import parse_notice_policy
from shared.domain.policy import BOUNDS, DEFAULTS, WORDS, Policy, parse_policy
from shared.domain.times import Blackout
from shared.domain.window import Window
from shared.runtime import requests, schema


def document(name: str, value: int) -> dict[str, Any]:
    part, _, inner = name.partition(".")
    if part == "blackouts":
        return {"blackouts": [{"from": "2026-12-24", "to": "2026-12-26", inner: value}]}
    if part == "commands":
        return {"commands": [{"pre": "true", inner: value}]}
    window = {"start": "00:00", "end": "00:00", "cutoffMin": 0, inner: value}
    if inner == "lengthMin" and value:
        del window["end"]
    return {"window": window} if inner else {name: value}


def camel_to_field(name: str) -> str:
    """A negative number is refused earlier, under the field's own name."""
    part, _, inner = name.partition(".")
    kind = {"window": Window, "blackouts": Blackout, "commands": CommandRule}[part] if inner else Policy
    return next(each.name for each in fields(kind) if camel_case(each.name) == (inner or part))


DOORS = {
    "the API": lambda asked: schema.check_value(asked, requests.POLICY, "policy"),
    "the domain": parse_policy,
    "the limits of notices": parse_notice_policy,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", BOUNDS)
def test_every_door_holds_every_bound(door: str, name: str) -> None:
    least, most = BOUNDS[name]
    if name.startswith("commands.") and door == "the limits of notices":
        with pytest.raises(Refused, match="commands"):  # a notice must not contain a command
            DOORS[door](document(name, least))
        return
    for value in (least, most):
        DOORS[door](document(name, value))
    for value in (least - 1, most + 1):
        with pytest.raises(Refused) as caught:
            DOORS[door](document(name, value))
        assert name.rpartition(".")[2] in caught.value.message or camel_to_field(name) in caught.value.message


def test_every_field_is_at_every_door() -> None:
    named = {camel_case(each.name) for each in fields(Policy)}
    assert set(requests.POLICY["properties"]) == named == {each for each in WORDS if "." not in each}
    for name, shape in requests.POLICY["properties"].items():
        assert shape["description"] == WORDS[name]
        if "default" in shape:
            assert (
                shape["default"]
                == DEFAULTS[name]
                == getattr(parse_policy({}), next(each.name for each in fields(Policy) if camel_case(each.name) == name))
            )


@pytest.mark.parametrize("value", [BOUNDS["maxMoving"][0] - 1, BOUNDS["maxMoving"][1] + 1])
def test_the_command_line_takes_the_bounds_of_the_model(value: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["submit", "-i", "i-1", "--max-moving", str(value)]) == 2
    told = capsys.readouterr().err
    assert "Invalid value for '--max-moving'" in told


def test_rows_of_before_are_read() -> None:
    """The stored names are the model's field names. A row with fewer or more fields is read with the defaults."""
    stored = {"max_moving": 3, "window": {"start": "22:00", "end": "04:00", "utc_offset_min": -60}, "unknown_yet": 1}
    found = decode(Policy, stored, "policy")
    assert (found.max_moving, found.retention_days, found.window and found.window.cutoff_min) == (3, 7, 60)
    assert encode(found) == {"max_moving": 3, "overrides": {}, "window": {"start": "22:00", "end": "04:00", "utc_offset_min": -60}}
