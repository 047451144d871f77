"""Properties for any facts: rules never crash, and an additional problem never turns a red result green."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.codec import DocumentInvalid, Json
from shared.domain.facts import Facts, facts_schema
from shared.domain.prechecks import RULES, assess
from tests.support.facts import LINUX, TO_RHEL, WINDOWS
from tests.support.rule_cases import CASES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
BASES = [LINUX, TO_RHEL, WINDOWS, *(case for row in CASES.values() for case in row if case is not None)]


def paths(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document."""
    inner = (
        list(document.items()) if isinstance(document, dict) else list(enumerate(document)) if isinstance(document, list) else []
    )
    return [path, *(found for key, value in inner for found in paths(value, (*path, key)))]


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with the value at one place replaced."""
    if not path:
        return value
    copy = document.copy()
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


def tolerant(document: object) -> None:
    """Parse the facts: either they are refused with the name of a field, or they are assessed."""
    refused = None
    try:
        assess(Facts.from_json(document))
    except DocumentInvalid as error:
        refused = error
    assert refused is None or (refused.field and refused.remedy)


@given(JSON)
@settings(max_examples=150)
def test_no_document_crashes_the_rules(document: object) -> None:
    tolerant(document)


@given(st.data())
@settings(max_examples=300)
def test_no_broken_facts_crash_the_rules(data: st.DataObject) -> None:
    document: Json = json.loads(json.dumps(data.draw(st.sampled_from(BASES)).to_json()))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(paths(document)))
        value = data.draw(JSON | st.sampled_from([0, -1, 2**63, "", "9999-12-31T23:59:59Z", [], {}, None]))
        document = changed(document, place, value)
    tolerant(document)


@given(st.sampled_from(BASES))
@settings(max_examples=60)
def test_facts_survive_storage(facts: Facts) -> None:
    assert Facts.from_json(json.loads(json.dumps(facts.to_json())), strict=True) == facts


HEALTHY = {facts.hop: facts for facts in (LINUX, TO_RHEL, WINDOWS)}
PROBLEMS = {hop: [case[1] for case in CASES.values() if case[1].hop == hop and case[1].guest is not None] for hop in HEALTHY}


ABSENT: Any = object()


def merged(current: Any, worse: Any, healthy: Any) -> Any:
    """``current`` with the differences between ``healthy`` and ``worse``. If ``current`` also differs from ``healthy`` at a
    place, it keeps its value there.
    """
    if worse == healthy or current == worse:
        return current
    if current == healthy:
        return worse
    if all(isinstance(each, dict) for each in (current, worse, healthy)):
        keys = [*current, *(key for key in worse if key not in current)]
        both = {k: merged(current.get(k, ABSENT), worse.get(k, ABSENT), healthy.get(k, ABSENT)) for k in keys}
        return {key: value for key, value in both.items() if value is not ABSENT}
    if all(isinstance(each, list) and len(each) == len(healthy) for each in (current, worse, healthy)):
        return [merged(*triple) for triple in zip(current, worse, healthy, strict=True)]
    return current


def with_problem(facts: Facts, problem: Facts) -> Facts:
    """The facts with one additional problem."""
    return Facts.from_json(merged(facts.to_json(), problem.to_json(), HEALTHY[facts.hop].to_json()))


@given(st.data())
@settings(max_examples=300)
def test_a_problem_more_never_turns_red_to_green(data: st.DataObject) -> None:
    facts = data.draw(st.sampled_from(list(HEALTHY.values())))
    known = st.sampled_from(PROBLEMS[facts.hop])
    for problem in data.draw(st.lists(known, min_size=1, max_size=4)):
        worse = with_problem(facts, problem)
        assert assess(worse).is_blocked or not assess(facts).is_blocked
        facts = worse


@given(st.sampled_from(BASES), st.dictionaries(st.sampled_from([rule.code for rule in RULES]), st.text(max_size=5), max_size=5))
@settings(max_examples=150)
def test_fewer_overrides_never_turn_red_to_green(facts: Facts, overrides: dict[str, str]) -> None:
    with_them, without = assess(facts, overrides), assess(facts)
    assert without.is_blocked or not with_them.is_blocked


@given(st.sampled_from(BASES))
@settings(max_examples=60)
def test_knowing_nothing_of_the_guest_blocks(facts: Facts) -> None:
    assert assess(replace(facts, guest=None)).is_blocked


def test_the_schema_accepts_what_is_written() -> None:
    import jsonschema

    validator = jsonschema.Draft202012Validator(facts_schema())
    for facts in BASES:
        validator.validate(json.loads(json.dumps(facts.to_json())))
    assert list(validator.iter_errors({"instance": {}}))
