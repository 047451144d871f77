"""The order of a batch: by name or by a tag with numbers, and which orders are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Refused
from shared.domain.order import instance_sort_key
from shared.domain.policy import Policy, parse_policy
from shared.domain.window import NEVER

FLEET = [("web-10", "i-1", {"stage": "2"}), ("web-9", "i-2", {"stage": "10"}), ("db", "i-3", {}), ("web-9", "i-4", {"stage": "2"})]


def sorted_ids(order: str) -> list[str]:
    return [id for _, id, _ in sorted(FLEET, key=lambda each: instance_sort_key(order, *each))]


def test_numbers_in_a_name_sort_by_size_and_equal_names_by_id() -> None:
    assert sorted_ids("name") == sorted_ids("") == ["i-3", "i-2", "i-4", "i-1"]


def test_a_tag_sorts_by_its_value_then_by_name_and_who_lacks_it_is_last() -> None:
    assert sorted_ids("tag:stage") == ["i-4", "i-1", "i-2", "i-3"]


@given(st.lists(st.integers(0, 10**19), min_size=1))
def test_plain_numbers_sort_as_numbers(numbers: list[int]) -> None:
    key = {each: instance_sort_key("tag:n", "", "", {"n": str(each)}) for each in numbers}
    assert sorted(numbers, key=key.__getitem__) == sorted(numbers)


@pytest.mark.parametrize("order", ["", "name", "tag:stage", "tag:a b=c:d", "tag:环境"])
def test_an_order_is_taken_as_it_is_written(order: str) -> None:
    assert parse_policy({"order": order}).order == order


@pytest.mark.parametrize("order", ["id", "tag:", "tag:a\nb", "tag:a\n", "name ", "tag:" + "a" * 129])
def test_another_order_is_refused(order: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_policy({"order": order})
    assert refused.value.code == "Policy.Invalid"
    assert "policy.order" in refused.value.message


def test_an_older_version_starts_nothing_in_a_batch_with_an_order() -> None:
    assert parse_policy({"order": "name"}).window == NEVER
    assert not parse_policy({"order": "name"}).time_limits.windows
    assert parse_policy({}).window is None
    assert (Policy(order="name").stores_order, Policy().stores_order) == (True, False)
