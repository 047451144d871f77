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
    ({"data": {"tags": [{"prefix": "b"}]}}, True),
    ({"data": ["x"]}, False),
    ({"type": [{"prefix": "ecs:", "suffix": "Change"}]}, True),
    ({"type": [{"prefix": "ecs:", "suffix": "Created"}]}, False),
    ({"source": {"deeper": ["x"]}}, False),
]


@pytest.mark.parametrize(("wanted", "expected"), CASES)
def test_a_pattern_matches_as_eventbridge_documents(wanted: dict[str, Any], expected: bool) -> None:
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
        {"source": [{"prefix": ["a"]}]},
        {"source": [{"prefix": ""}]},
        {"source": [{"suffix": ["a"]}]},
        {"n": [{"numeric": [">", 1.0e10]}]},
        {"n": [{"numeric": [">", -1.0e10]}]},
        {"n": [{"numeric": ["===", 1]}]},
        {"n": [{"cidr": "fefefef"}]},
        {"n": [{"cidr": 12345}]},
        {"n": [{"anything-but": [[1]]}]},
        {"n": [{"anything-but": {}}]},
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
def test_a_wrong_pattern_is_refused(wrong: Any) -> None:
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
def test_a_transform_renders_the_event(param: dict[str, Any], expected: str) -> None:
    transform.validate(param)
    assert transform.render(param, EVENT) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"Form": "OTHER"},
        {"Form": "JSONPATH", "Value": "data"},
        {"Form": "JSONPATH", "Value": "$..deep"},
        {"Form": "TEMPLATE", "Value": "[]", "Template": ""},
        {"Form": "TEMPLATE", "Value": '{"x":1}', "Template": "${x}"},
    ],
)
def test_a_wrong_transform_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(transform.TransformError):
        transform.validate(wrong)


EVALUATOR = "PatternEvaluatorTest of apache/rocketmq-eventbridge, the service's evaluator in the open"
CONDITIONS = "PatternCondition.java of apache/rocketmq-eventbridge"
OPERATORS = "NumericOperators.java of apache/rocketmq-eventbridge: numbers 1.0E-7 apart are equal"
BUILDERS = "PatternConditionBuilder.java of apache/rocketmq-eventbridge"


@pytest.mark.parametrize(
    ("condition", "value", "expected", "source"),
    [
        ({"anything-but": "a"}, ["a", "b"], True, CONDITIONS),
        ({"anything-but": "a"}, ["a"], False, CONDITIONS),
        ({"anything-but": ["a", "b"]}, ["a", "b"], False, CONDITIONS),
        ({"anything-but": ["a", "b"]}, ["a", "c"], True, CONDITIONS),
        ({"anything-but": {"prefix": "a"}}, ["a1", "b"], True, CONDITIONS),
        ({"anything-but": "a"}, [], False, CONDITIONS),
        ({"anything-but": "a"}, {"b": 1}, False, CONDITIONS),
        ({"anything-but": "a"}, ["b", {"c": 1}], False, CONDITIONS),
        ({"anything-but": None}, "a", True, BUILDERS),
        ({"anything-but": None}, None, False, BUILDERS),
        ({"anything-but": True}, False, True, BUILDERS),
        ({"anything-but": True}, True, False, BUILDERS),
        ({"anything-but": ["a", None, 1]}, 2, True, BUILDERS),
        ({"anything-but": ["a", None, 1]}, None, False, BUILDERS),
        ({"anything-but": {"suffix": "z"}}, "az", False, BUILDERS),
        ({"exists": True}, [], False, CONDITIONS),
        ({"exists": True}, {}, False, CONDITIONS),
        ({"exists": True}, {"a": 1}, False, CONDITIONS),
        ({"exists": True}, ["a"], True, CONDITIONS),
        ({"exists": True}, None, True, CONDITIONS),
        ({"exists": False}, [], False, CONDITIONS),
        ({"exists": False}, {}, False, CONDITIONS),
        ({"exists": False}, "a", False, EVALUATOR),
        ({"numeric": ["=", 1.1234567]}, 1.12345678, True, EVALUATOR),
        ({"numeric": ["!=", 1.123455]}, 1.123456, True, EVALUATOR),
        ({"numeric": ["!=", 5]}, 5, False, OPERATORS),
        ({"numeric": ["!=", 5]}, 5.00000001, False, OPERATORS),
        ({"numeric": [">", 5]}, 5.00000001, False, OPERATORS),
        ({"numeric": ["<=", 5]}, 5.00000001, True, OPERATORS),
        ({"numeric": [">", 0, "!=", 3]}, 3, False, OPERATORS),
        ({"numeric": [">", 1.0e9]}, 10**400, True, OPERATORS),
        ({"cidr": "10.0.0.1"}, "10.0.0.1", True, EVALUATOR),
        ({"cidr": "10.0.0.1"}, "10.0.0.251", False, EVALUATOR),
        ({"cidr": "10.0.0.0/24"}, "10.0.0.1234", False, EVALUATOR),
        ({"cidr": "fe80::1"}, "fe80:0::1", True, CONDITIONS),
        ("a", ["b", {"c": 1}, "a"], False, CONDITIONS),
        ({"prefix": "a"}, ["b", "ab"], True, CONDITIONS),
    ],
)
def test_one_condition(condition: Any, value: Any, expected: bool, source: str) -> None:
    wanted = {"data": {"n": [condition]}}
    pattern.validate(wanted)
    assert pattern.matches(wanted, {"data": {"n": value}}) is expected, source


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"s":"$.data.state","c":"fixed"}', "running: Running, fixed"),
        ('{"s":"$.data.absent","c":"$.data.state.deeper"}', "running: ${s}, ${c}"),
        ('{"s":"$.data.none","c":"$.data.count"}', "running: null, 5"),
        ('{"s":"$.data.yes"}', "running: true, ${c}"),
        ("{}", "running: ${s}, ${c}"),
    ],
)
def test_variables_of_a_template(value: str, expected: str) -> None:
    """Source: TemplateTransformFromJsonStringTest of apache/rocketmq-eventbridge."""
    param = {"Form": "TEMPLATE", "Value": value, "Template": "running: ${s}, ${c}"}
    transform.validate(param)
    assert transform.render(param, EVENT) == expected
