"""Acts over HTTP: each applies once to the version that the person saw. If it cannot apply, the refusal explains why."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from shared.domain.batch import AUTOMATIC_ROLLBACK_RISK, RISKS_VERSION, Acknowledgement
from shared.domain.chosen import selection_digest
from shared.domain.ledger import SnapshotState
from shared.domain.migration import DriverData, State, step_to_state
from shared.domain.policy import Policy
from tests.support.api import ApiInMemory, entry, migration
from tests.support.fakes import NOON

POSSIBLE = {
    "confirmation": {State.MIGRATED, State.FAILED, State.ROLLED_BACK},
    "retry": {State.FAILED, State.PRECHECK_FAILED},
    "cancellation": {
        *(State.ACCEPTED, State.PRECHECKING, State.PRECHECK_FAILED, State.READY, State.SNAPSHOTTING, State.SNAPSHOTTED),
        *(State.FAILED, State.WAITING),
    },
    "rollback": {State.MIGRATED},
}
"""For a migration whose job never ran. Once a job has run, a failed migration is rolled back, not cancelled."""
RAN = DriverData(job_id="j-1", started_at=NOON)
VERBS = {"confirmation": "confirmed", "retry": "retried", "cancellation": "cancelled", "rollback": "rolled back"}
RISKS = {"risksVersion": RISKS_VERSION}


@pytest.fixture
def api() -> ApiInMemory:
    return ApiInMemory()


@pytest.mark.parametrize(("act", "state"), list(product(POSSIBLE, State)), ids=lambda each: getattr(each, "value", each))
def test_an_act_applies_or_is_refused_in_words_about_it(api: ApiInMemory, act: str, state: State) -> None:
    api.open_batch(migration("m1", state))
    allowed = state in POSSIBLE[act]
    assert (act in api.call("GET", "/migrations/m1")[1]["acts"]) is allowed
    status, answer = api.call("POST", f"/migrations/m1/{act}")
    assert status == (200 if allowed else 409), answer
    if not allowed:
        assert answer["Message"] == f"Migration m1 is {state.value}; it cannot be {VERBS[act]}."
        assert answer["Recommend"]
        assert api.call("GET", "/migrations/m1")[1]["state"] == state.value


def test_what_failed_after_its_job_began_is_rolled_back_and_not_cancelled(api: ApiInMemory) -> None:
    api.open_batch(replace(migration("m1", State.FAILED), handle=RAN))
    assert api.call("GET", "/migrations/m1")[1]["acts"] == ["confirmation", "retry", "rollback"]
    assert api.refused("POST", "/migrations/m1/cancellation") == (409, "Migration.TooLate")
    assert api.call("POST", "/migrations/m1/rollback")[0] == 200


def test_a_cancelled_migration_that_holds_snapshots_is_confirmed_to_release_them(api: ApiInMemory) -> None:
    api.open_batch(migration("m1", State.CANCELLED))
    api.fakes.ledger.write_entry(entry("m1", "a", SnapshotState.SWEPT))
    assert api.refused("POST", "/migrations/m1/confirmation") == (409, "Migration.NotConfirmable")
    api.fakes.ledger.write_entry(entry("m1", "b"))
    assert api.call("GET", "/migrations/m1")[1]["acts"] == ["confirmation"]
    assert api.call("POST", "/migrations/m1/confirmation")[1]["releasedAt"]


@pytest.mark.parametrize("act", [*POSSIBLE, "acknowledgement"])
def test_an_act_without_the_version_that_was_seen_is_refused(api: ApiInMemory, act: str) -> None:
    batch_id = api.open_batch(migration("m1"))
    path, body = (f"/batches/{batch_id}/{act}", RISKS) if act == "acknowledgement" else (f"/migrations/m1/{act}", None)
    status, answer = api.call("POST", path, body, seen=0)
    assert (status, answer["Code"]) == (428, "Precondition.Required")
    assert "If-Match" in answer["Recommend"]


@pytest.mark.parametrize("text", ["7", "*", 'W/"7"', '"7", "8"', '"x"', '"0"', '"-1"'])
def test_only_one_version_in_quotes_is_a_version(api: ApiInMemory, text: str) -> None:
    api.open_batch(migration("m1"))
    request = api.request("POST", "/migrations/m1/confirmation", seen=0)
    status, answer = api.handled({**request, "headers": {**request["headers"], "if-match": text}})
    assert (status, answer["Code"]) == (400, "Request.Invalid")
    assert answer["Message"].startswith("If-Match: ")


def test_an_act_on_what_has_moved_is_refused_and_says_who_moved_it(api: ApiInMemory) -> None:
    api.open_batch(migration("m1"))
    assert api.call("POST", "/migrations/m1/rollback", operator="bob", seen=7)[0] == 200
    status, answer = api.call("POST", "/migrations/m1/confirmation", seen=7)
    assert (status, answer["Code"]) == (412, "Migration.Moved")
    assert "rolling_back at version 8: moved by bob at 2026-11-23 12:00:00 UTC (rollback requested)" in answer["Message"]
    assert api.refused("POST", "/migrations/m1/confirmation", seen=99) == (412, "Migration.Moved")


@pytest.mark.parametrize(("act", "state"), [(act, sorted(states, key=str)[0]) for act, states in POSSIBLE.items()])
def test_a_lost_answer_is_given_again_and_nothing_is_done_twice(api: ApiInMemory, act: str, state: State) -> None:
    api.open_batch(migration("m1", state))
    first = api.call("POST", f"/migrations/m1/{act}", seen=7)
    published = len(api.fakes.bus.published)
    assert api.call("POST", f"/migrations/m1/{act}", seen=7) == first
    assert api.call("POST", f"/migrations/m1/{act}", seen=8) == first
    assert len(api.fakes.bus.published) == published
    assert api.refused("POST", f"/migrations/m1/{act}", operator="bob", seen=7)[0] == 412
    assert len(api.fakes.migrations.journal("m1")) == 2


def test_the_same_act_of_another_person_is_refused(api: ApiInMemory) -> None:
    api.open_batch(migration("m1"))
    api.call("POST", "/migrations/m1/confirmation")
    assert api.refused("POST", "/migrations/m1/confirmation", operator="bob") == (409, "Migration.AlreadyConfirmed")


def test_what_the_pipeline_notes_meanwhile_refuses_no_act(api: ApiInMemory) -> None:
    api.open_batch(migration("m1", State.SNAPSHOTTED))
    before = api.fakes.migrations.load("m1")
    api.fakes.migrations.commit(
        step_to_state(before, State.SNAPSHOTTED, now=NOON, by="migrate", reason="the job is being prepared")
    )
    assert api.call("POST", "/migrations/m1/cancellation", seen=7)[1]["state"] == "cancelled"


def test_an_acknowledgement_of_a_batch_that_has_moved_is_refused(api: ApiInMemory) -> None:
    batch_id = api.open_batch(migration("m1"))
    path = f"/batches/{batch_id}/acknowledgement"
    assert api.call("GET", f"/batches/{batch_id}")[1]["version"] == 2
    api.fakes.batches.rows[batch_id] = replace(api.fakes.batches.rows[batch_id], version=3)
    assert api.refused("POST", path, RISKS, seen=2) == (412, "Batch.Moved")
    assert api.call("POST", path, RISKS, seen=3)[0] == 200
    assert api.call("POST", path, RISKS, seen=3)[0] == 200, "the answer was lost"
    status, answer = api.call("POST", path, RISKS, seen=3, operator="bob")
    assert (status, answer["Code"]) == (412, "Batch.Moved")
    assert "ann acknowledged it" in answer["Message"]


def test_a_batch_is_confirmed_as_it_was_seen(api: ApiInMemory) -> None:
    batch_id = api.open_batch(migration("m1"), migration("m2"), migration("m3"), migration("m4", State.READY))
    api.open_batch(migration("x1"))
    api.call("POST", "/migrations/m2/rollback", operator="bob")
    named = [{"migrationId": each, "version": 7} for each in ("m1", "m2", "m4", "x1", "none")]
    status, answer = api.call("POST", f"/batches/{batch_id}/confirmation", {"migrations": named})
    assert (status, answer["confirmed"]) == (200, ["m1"])
    assert {each["migrationId"]: each["code"] for each in answer["refused"]} == {
        "m2": "Migration.Moved",
        "m4": "Migration.NotConfirmable",
        "x1": "Migration.NotFound",
        "none": "Migration.NotFound",
    }
    assert api.call("GET", "/migrations/m3")[1]["state"] == "migrated", "nobody named it"
    again = api.call("POST", f"/batches/{batch_id}/confirmation", {"migrations": named[:1]})[1]
    assert again == {"confirmed": ["m1"], "refused": []}
    assert api.refused("POST", f"/batches/{batch_id}/confirmation", {}) == (400, "Request.Invalid")


def test_lists_say_what_is_a_dry_run(api: ApiInMemory) -> None:
    api.open_batch(migration("m1"))
    api.open_batch(migration("m2", State.CANCELLED), dry_run=True)
    found = api.call("GET", "/migrations")[1]["migrations"]
    assert {each["migrationId"]: each["dryRun"] for each in found} == {"m1": False, "m2": True}
    assert api.call("GET", "/migrations/m2")[1]["dryRun"] is True


def test_who_has_to_approve_finds_the_risks_of_the_batchs_own_policy(api: ApiInMemory) -> None:
    batch_id = api.open_batch(migration("m1", State.READY))
    rows = api.fakes.batches.rows
    given = Acknowledgement("ann", NOON, "1", (), selection_digest(rows[batch_id].selection))
    for approvals, expected in ((1, True), (0, False)):
        policy = Policy(approvals=approvals, automatic_rollback=True)
        rows[batch_id] = replace(rows[batch_id], policy=policy, acknowledgement=given)
        risks = api.call("GET", f"/batches/{batch_id}")[1]["risks"]
        assert bool(risks) is expected
        assert not risks or AUTOMATIC_ROLLBACK_RISK in risks["text"]
