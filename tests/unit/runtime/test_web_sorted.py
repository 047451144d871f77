"""GET /v1/migrations in the orders that no index has: by name, and by the last change of state."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.migration import first_journal_entry
from shared.stages.api import sorting
from tests.support.api import ApiInMemory, migration
from tests.support.fakes import NOON

HOUR = timedelta(hours=1)
NAMED = {"m1": "web-10", "m2": "web-9", "m3": "db", "m4": "web-9"}


def of_a_batch() -> ApiInMemory:
    """Four migrations of a batch; the last change of each state is older, the higher the number."""
    api = ApiInMemory()
    for number, (id, name) in enumerate(NAMED.items()):
        made = replace(migration(id), batch_id="b1", instance_id=f"i-{id}", instance_name=name, entered_at=NOON - number * HOUR)
        api.fakes.migrations.create(made, first_journal_entry(made, by="intake", reason="r"), ())
    return api


def ids_in_pages(api: ApiInMemory, limit: int, **query: str) -> list[str]:
    found, token = list[str](), ""
    while True:
        more = {"nextToken": token} if token else {}
        _, page = api.call("GET", "/migrations", query={"batchId": "b1", "limit": str(limit), **query, **more})
        found += [each["migrationId"] for each in page["migrations"]]
        token = page["nextToken"]
        if not token:
            return found


@pytest.mark.parametrize("limit", [1, 3, 50])
@pytest.mark.parametrize(("order", "sorted_ids"), [("name", ["m3", "m2", "m4", "m1"]), ("changed", ["m4", "m3", "m2", "m1"])])
def test_a_batch_is_sorted_by_name_or_change_over_all_its_pages(order: str, sorted_ids: list[str], limit: int) -> None:
    api = of_a_batch()
    assert ids_in_pages(api, limit, order=order) == sorted_ids, "numbers by size, and equal names by instance"
    assert ids_in_pages(api, limit, order=f"-{order}") == sorted_ids[::-1]


def test_a_sorted_list_has_the_filters_of_any_other() -> None:
    api = of_a_batch()
    assert ids_in_pages(api, 1, order="name", text="WEB") == ["m2", "m4", "m1"]
    assert ids_in_pages(api, 1, order="name", state="failed") == []


def test_a_migration_that_has_moved_in_the_list_hides_no_other() -> None:
    api = of_a_batch()
    _, page = api.call("GET", "/migrations", query={"batchId": "b1", "order": "changed", "limit": "1"})
    last = api.fakes.migrations.load("m4")
    api.fakes.migrations.rows["m4"].migration = replace(last, entered_at=NOON + HOUR)
    _, rest = api.call("GET", "/migrations", query={"batchId": "b1", "order": "changed", "nextToken": page["nextToken"]})
    assert [each["migrationId"] for each in rest["migrations"]] == ["m3", "m2", "m1", "m4"]


def test_a_list_too_long_to_be_sorted_is_refused_and_by_state_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    api = of_a_batch()
    monkeypatch.setattr(sorting, "MOST_SORTED", 3)
    assert api.refused("GET", "/migrations", query={"batchId": "b1", "order": "name"}) == (400, "Order.TooMany")
    assert len(ids_in_pages(api, 2, order="-state")) == 4
    monkeypatch.setattr(sorting, "MOST_SORTED", 4)
    assert len(ids_in_pages(api, 2, order="name")) == 4


@pytest.mark.parametrize("token", ["eA", "W10", "bnVsbA", "WyJuYW1lIiwxLDIsM10", "WyJjaGFuZ2VkIiwiYSIsImIiLCJjIl0"])
def test_a_token_of_another_order_is_refused(token: str) -> None:
    query = {"batchId": "b1", "order": "name", "nextToken": token}
    assert of_a_batch().refused("GET", "/migrations", query=query) == (400, "Token.Invalid")


def test_the_longest_name_makes_a_token_that_the_api_takes_back() -> None:
    api = of_a_batch()
    for id in NAMED:
        api.fakes.migrations.rows[id].migration = replace(api.fakes.migrations.load(id), instance_name="9机" * 64)
    assert ids_in_pages(api, 1, order="name") == ["m1", "m2", "m3", "m4"]
