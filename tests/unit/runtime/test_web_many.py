"""Rollback and cancellation of many migrations of a batch: each as it was seen, each judged alone, and safe to repeat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.domain.hop import Hop
from shared.domain.migration import State
from shared.domain.policy import Policy
from tests.support.api import ApiInMemory, migration

Json = dict[str, Any]


def named(api: ApiInMemory, *ids: str) -> Json:
    return {"migrations": [{"migrationId": id, "version": api.version(f"/migrations/{id}")} for id in ids]}


def states(api: ApiInMemory) -> dict[str, str]:
    return {id: row.migration.state.value for id, row in api.fakes.migrations.rows.items()}


def test_each_one_is_rolled_back_or_refused_alone_and_a_repetition_changes_nothing() -> None:
    api = ApiInMemory()
    batch_id = api.open_batch(migration("m1"), migration("m2"), migration("m3", State.READY), migration("m4"))
    body = named(api, "m1", "m2", "m3", "m4")
    body["migrations"][3]["version"] -= 1
    body["migrations"].append({"migrationId": "other", "version": 1})
    status, answer = api.call("POST", f"/batches/{batch_id}/rollback", body)
    assert (status, answer["begun"]) == (200, ["m1", "m2"])
    assert {each["migrationId"]: each["code"] for each in answer["refused"]} == {
        "m3": "Migration.NotRollbackable",
        "m4": "Migration.Moved",
        "other": "Migration.NotFound",
    }
    assert all(each["remedy"] for each in answer["refused"])
    after = {id: row.migration for id, row in api.fakes.migrations.rows.items()}
    assert api.call("POST", f"/batches/{batch_id}/rollback", body) == (200, answer)
    assert {id: row.migration for id, row in api.fakes.migrations.rows.items()} == after


def test_only_what_has_not_begun_is_cancelled() -> None:
    api = ApiInMemory()
    batch_id = api.open_batch(migration("m1", State.READY), migration("m2", State.MIGRATING))
    answer = api.call("POST", f"/batches/{batch_id}/cancellation", named(api, "m1", "m2"))[1]
    assert answer["cancelled"] == ["m1"]
    assert [(each["migrationId"], each["code"]) for each in answer["refused"]] == [("m2", "Migration.TooLate")]
    assert states(api) == {"m1": "cancelled", "m2": "migrating"}


def test_a_rollback_that_needs_approvals_needs_them_among_many_too() -> None:
    api = ApiInMemory()
    batch_id = api.open_batch(migration("m1"))
    api.fakes.batches.rows[batch_id] = replace(api.fakes.batches.rows[batch_id], policy=Policy(rollback_approvals=1))
    answer = api.call("POST", f"/batches/{batch_id}/rollback", named(api, "m1"))[1]
    assert answer["begun"] == []
    assert answer["refused"][0]["code"].startswith("Approval")
    assert states(api) == {"m1": "migrated"}


def test_an_unknown_batch_and_an_empty_list_are_refused() -> None:
    api = ApiInMemory()
    one = {"migrations": [{"migrationId": "m1", "version": 1}]}
    assert api.refused("POST", "/batches/b9/rollback", one) == (404, "Batch.NotFound")
    assert api.refused("POST", "/batches/b9/cancellation", {"migrations": []}) == (400, "Request.Invalid")


def test_each_row_says_where_its_route_ends_whether_chosen_or_not() -> None:
    """Before its route is planned, a row has the chosen destination; then the end of the route."""
    api = ApiInMemory()
    planned = replace(migration("m1"), hops=(Hop("windows-2008r2", "windows-2012r2"), Hop("windows-2012r2", "windows-2019")))
    rows = (planned, replace(migration("m2"), hops=(), destination="alinux-3"), replace(migration("m3"), hops=()))
    batch_id = api.open_batch(*rows)
    found = api.call("GET", "/migrations", query={"batchId": batch_id})[1]["migrations"]
    assert {each["migrationId"]: each["routeEnd"] for each in found} == {"m1": "windows-2019", "m2": "alinux-3", "m3": ""}
    assert {each["migrationId"]: each["destination"] for each in found} == {"m1": "", "m2": "alinux-3", "m3": ""}
    assert [each["migrationId"] for each in api.call("GET", "/migrations", query={"text": "2019"})[1]["migrations"]] == ["m1"]
