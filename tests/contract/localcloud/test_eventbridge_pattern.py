"""Event patterns and transforms, case by case."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.eventbridge import pattern, transform

EVENT = {
    "source": "acs.ecs",
    "type": "ecs:Instance:StateChange",
    "subject": "",
    "data": {
        "state": "Running",
        "count": 5,
        "ratio": 300.0,
        "ip": "10.0.0.77",
        "tags": ["a", "b"],
        "none": None,
        "yes": True,
        "text": "300",
    },
}

CASES: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"source": ["acs.ecs"]}, True),
    ({"source": ["acs.oss", "acs.ecs"]}, True),
    ({"source": ["acs.ECS"]}, False),
    ({"source": ["acs.ecs"], "type": ["other"]}, False),
    ({"absent": ["x"]}, False),
    ({"type": [{"prefix": "ecs:"}]}, True),
    ({"type": [{"suffix": "Change"}]}, True),
    ({"type": [{"contains": "Instance"}]}, True),
    ({"type": [{"prefix": ["x", "ecs"]}]}, True),
    ({"data": {"count": [{"prefix": "5"}]}}, False),
    ({"data": {"state": [{"anything-but": "Stopped"}]}}, True),
    ({"data": {"state": [{"anything-but": ["Stopped", "Running"]}]}}, False),
    ({"data": {"state": [{"anything-but": {"prefix": "Run"}}]}}, False),
    ({"data": {"count": [{"anything-but": 5}]}}, False),
    ({"data": {"absent": [{"anything-but": "x"}]}}, False),
    ({"data": {"count": [{"numeric": [">", 0, "<=", 5]}]}}, True),
    ({"data": {"count": [{"numeric": ["=", 4]}]}}, False),
    ({"data": {"state": [{"numeric": [">", 0]}]}}, False),
    ({"data": {"count": ["5"]}}, True),
    ({"data": {"text": [300]}}, True),
    ({"data": {"ratio": [300]}}, False),
    ({"data": {"ip": [{"cidr": "10.0.0.0/24"}]}}, True),
    ({"data": {"ip": [{"cidr": "10.0.1.0/24"}]}}, False),
    ({"data": {"state": [{"cidr": "10.0.1.0/24"}]}}, False),
    ({"data": {"state": [{"exists": True}]}}, True),
    ({"data": {"absent": [{"exists": False}]}}, True),
    ({"missing": {"deep": [{"exists": False}]}}, True),
    ({"data": {"none": [None]}}, True),
    ({"data": {"state": [None]}}, False),
    ({"subject": [""]}, True),
    ({"data": {"yes": [True]}}, True),
    ({"data": {"yes": ["true"]}}, False),
    ({"data": {"tags": ["b", "z"]}}, True),
    ({"data": {"tags": ["z"]}}, False),
    ({"data": {"tags": [{"anything-but": "a"}]}}, False),
    ({"data": {"tags": [{"prefix": "b"}]}}, True),
    ({"data": ["x"]}, False),
    ({"type": [{"prefix": "ecs:", "suffix": "Change"}]}, True),
    ({"type": [{"prefix": "ecs:", "suffix": "Created"}]}, False),
    ({"source": {"deeper": ["x"]}}, False),
]


@pytest.mark.parametrize(("wanted", "expected"), CASES)
def test_match(wanted: dict[str, Any], expected: bool) -> None:
    pattern.validate(wanted)
    assert pattern.matches(wanted, EVENT) is expected


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        "x",
        {"source": "acs.ecs"},
        {"source": []},
        {"data": {}},
        {"source": [["x"]]},
        {"source": [{"wildcard": "x"}]},
        {"source": [{}]},
        {"source": [{"prefix": "a"}] * 6},
        {"source": [{"prefix": 1}]},
        {"n": [{"numeric": ["~", 1]}]},
        {"n": [{"numeric": [">", "1"]}]},
        {"n": [{"numeric": [">"]}]},
        {"n": [{"cidr": "10.0.0.300/24"}]},
        {"n": [{"cidr": "fe80::/10"}]},
        {"n": [{"exists": "yes"}]},
        {"n": [{"anything-but": {"numeric": [">", 1]}}]},
        {"n": [{"anything-but": []}]},
    ],
)
def test_no_pattern(wrong: Any) -> None:
    with pytest.raises(pattern.PatternError):
        pattern.validate(wrong)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "prefix", "numeric", "exists", "anything-but", "cidr"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(wanted=_JSON, event=st.dictionaries(st.sampled_from("ab"), _JSON, max_size=2))
def test_any_json_is_refused_or_decided(wanted: Any, event: dict[str, Any]) -> None:
    try:
        pattern.validate(wanted)
    except pattern.PatternError:
        return
    assert pattern.matches(wanted, event) in (True, False)


@pytest.mark.parametrize(
    ("param", "expected"),
    [
        ({"Form": "CONSTANT", "Value": "x"}, "x"),
        ({"Form": "JSONPATH", "Value": "$.data.state"}, "Running"),
        ({"Form": "JSONPATH", "Value": "$.data['tags'][1]"}, "b"),
        ({"Form": "JSONPATH", "Value": "$.data.tags"}, '["a","b"]'),
        ({"Form": "JSONPATH", "Value": "$.nothing.here"}, ""),
        ({"Form": "TEMPLATE", "Value": '{"s":"$.data.state","c":"fixed"}', "Template": "${s} and ${c}"}, "Running and fixed"),
    ],
)
def test_transform(param: dict[str, Any], expected: str) -> None:
    transform.validate(param)
    assert transform.render(param, EVENT) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"Form": "OTHER"},
        {"Form": "JSONPATH", "Value": "data"},
        {"Form": "JSONPATH", "Value": "$..deep"},
        {"Form": "TEMPLATE", "Value": "[]", "Template": ""},
        {"Form": "TEMPLATE", "Value": "{}", "Template": "${x}"},
        {"Form": "TEMPLATE", "Value": '{"x":1}', "Template": "${x}"},
    ],
)
def test_no_transform(wrong: dict[str, Any]) -> None:
    with pytest.raises(transform.TransformError):
        transform.validate(wrong)
