"""The rows of deletion protections: the adapter on Tablestore, even with lost answers, and the fake keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.protection import ProtectedInstance
from shared.ports.protections import Protections
from tests.support.ports import T0, bench
from tests.support.protections import FakeProtections

REGION = "cn-hangzhou"


@pytest.fixture(params=["fake", "", "drop_before", "drop_after"])
def protections(request: pytest.FixtureRequest) -> Iterator[Protections]:
    """The port. In two of four runs every third answer of the store is lost."""
    if request.param == "fake":
        yield FakeProtections()
        return
    with bench("watch") as made:
        if request.param:
            made.faults({"service": "tablestore", "kind": request.param, "times": -1, "probability": 0.3})
        yield made.ports.protections


def row(number: int = 1, *, account: str = "", owner: str = "ma") -> ProtectedInstance:
    return ProtectedInstance(REGION, f"i-test{number:04d}", account, owner, "0-1", T0)


def test_an_instance_has_one_row_and_each_account_its_own_instances(protections: Protections) -> None:
    mine, of_a_member = row(), row(account="1111222233334444")
    for each in (mine, of_a_member):
        assert protections.protection_record(REGION, each.instance_id, account=each.account_id) is None
        protections.put_new_protection_record(each)
        assert protections.protection_record(REGION, each.instance_id, account=each.account_id) == each
    assert not protections.put_new_protection_record(row(owner="mb"))
    assert protections.protection_record(REGION, mine.instance_id) == mine
    protections.put_protection_record(row(owner="mb"))
    assert protections.protection_record(REGION, mine.instance_id) == row(owner="mb")


def test_a_row_that_was_written_again_is_not_deleted(protections: Protections) -> None:
    mine = row()
    protections.put_protection_record(mine)
    for later in (replace(mine, migration_id="mb"), replace(mine, turn="0-2"), replace(mine, since=T0 + timedelta(seconds=1))):
        protections.put_protection_record(later)
        assert not protections.delete_protection_record(mine)
        assert protections.protection_record(REGION, mine.instance_id) == later
        assert protections.delete_protection_record(later)
        protections.delete_protection_record(later)
        assert protections.protection_record(REGION, mine.instance_id) is None


def test_all_rows_are_read_page_by_page(protections: Protections) -> None:
    rows = [row(1, account="1111222233334444"), *map(row, range(1, 5))]
    for each in rows:
        protections.put_protection_record(each)
    found, token = list[ProtectedInstance](), ""
    for _ in range(3):
        page = protections.protection_record_page(limit=2, token=token)
        found, token = [*found, *page.rows], page.next_token
    assert token == ""
    assert sorted(map(str, found)) == sorted(map(str, rows))
