"""The HTTP API over ports in memory: shapes, checks, paging, acts."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.batch import RISKS_VERSION, BatchState
from shared.domain.errors import Bug, Permanent, Refused, Stale, Transient
from shared.domain.ledger import SnapshotState
from shared.domain.migration import State
from shared.runtime import web
from tests.support.api import ApiInMemory, ApiSettings, entry, migration

BATCH = {"instanceIds": ["i-a"], "clientToken": "once"}


@pytest.fixture
def api() -> ApiInMemory:
    return ApiInMemory()


# Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused("A.B", "m", "r"), 400),
        (Refused("A.B", "m", "r", status=409), 409),
        (Stale("A.B", "m", "r"), 409),
        (Transient("A.B", "m"), 503),
        (Permanent("A.B", "m", "r"), 500),
        (Bug("m"), 500),
    ],
)
def test_every_error_has_the_one_shape_and_the_status_of_its_fate(error: Any, status: int) -> None:
    answer = web.error_response(error, "R1")
    assert answer["statusCode"] == status
    body = json.loads(answer["body"])
    assert body == {"Code": error.code, "Message": error.message, "RequestId": "R1", "Recommend": error.remedy}
    assert ("Retry-After" in answer["headers"]) == (status == 503)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "Route.NotFound"),
        ("GET", "/", 404, "Route.NotFound"),
        ("DELETE", "/batches", 405, "Method.NotAllowed"),
        ("GET", "/batches/b1", 404, "Batch.NotFound"),
        ("GET", "/migrations/m1", 404, "Migration.NotFound"),
        ("GET", "/migrations/m1/journal", 404, "Migration.NotFound"),
        ("GET", "/migrations/m1/report", 404, "Migration.NotFound"),
        ("POST", "/migrations/m1/retry", 404, "Migration.NotFound"),
        ("GET", "/migrations/%20", 400, "Request.Invalid"),
    ],
)
def test_refusals_have_stable_codes(api: ApiInMemory, method: str, path: str, status: int, code: str) -> None:
    assert api.refused(method, path, seen=1) == (status, code)


def test_a_wrong_method_names_the_right_ones(api: ApiInMemory) -> None:
    assert api.send("PUT", "/batches")["headers"]["Allow"] == "GET, HEAD, POST"


def test_acts_need_the_operators_name(api: ApiInMemory) -> None:
    for path in ("/batches", "/batches/b1/acknowledgement", "/migrations/m1/confirmation"):
        assert api.refused("POST", path, {}, operator="") == (401, "Operator.Missing")
    assert api.refused("POST", "/batches", BATCH, operator="x\x00y") == (400, "Request.Invalid")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "instanceIds"),
        ({"regionIds": ["cn-hangzhou"], "exclude": {"tags": ["env=prod"]}}, "instanceIds"),
        ({"tags": ["=prod"]}, "tags[0]"),
        ({"vpcIds": ["rg-a"]}, "vpcIds[0]"),
        ({"instanceIds": ["i-a"], "exclude": {"regionIds": ["cn-hangzhou"]}}, "exclude.regionIds"),
        ({"instanceIds": "i-a"}, "instanceIds"),
        ({"instanceIds": []}, "instanceIds"),
        ({"instanceIds": ["x"]}, "instanceIds[0]"),
        ({"instanceIds": ["i-a\n"]}, "instanceIds[0]"),
        ({"instanceIds": ["i-a"], "colour": 1}, "colour"),
        ({"instanceIds": ["i-a"], "dryRun": "yes"}, "dryRun"),
        ({"instanceIds": ["i-a"], "policy": {"maxMoving": 0}}, "policy.maxMoving"),
        ({"instanceIds": ["i-a"], "policy": {"maxMoving": True}}, "policy.maxMoving"),
        ({"instanceIds": ["i-a"], "policy": {"speed": 1}}, "policy.speed"),
        ({"instanceIds": ["i-a"], "policy": {"window": {"start": "25:00", "end": "01:00"}}}, "policy.window.start"),
        ({"instanceIds": ["i-a"], "policy": {"window": {"end": "22:00"}}}, "policy.window.start"),
        ({"instanceIds": ["i-a"], "policy": {"blackouts": [{"from": "24.12."}]}}, "policy.blackouts[0].to"),
        ({"instanceIds": ["i-a"], "policy": {"overrides": {"A.B": ""}}}, "policy.overrides.A.B"),
        ({"instanceIds": ["i-a"], "destinations": {"i-a": 3}}, "destinations.i-a"),
    ],
)
def test_a_wrong_field_is_named(api: ApiInMemory, body: Any, field: str) -> None:
    status, answer = api.call("POST", "/batches", body)
    assert (status, answer["Code"]) == (400, "Request.Invalid")
    assert answer["Message"].startswith(f"{field}: ")
    assert not api.fakes.batches.rows


@pytest.mark.parametrize("raw", ["", "{", "[1]", "null", '{"instanceIds": NaN}', "[" * 100_000, '{"a":' + "1" * 5000 + "}"])
def test_what_is_no_json_object_is_refused(api: ApiInMemory, raw: str) -> None:
    request = {**api.request("POST", "/batches"), "body": raw}
    assert api.handled(request)[0] == 400


def test_a_body_in_base64_is_read(api: ApiInMemory) -> None:
    encoded = base64.b64encode(json.dumps(BATCH).encode()).decode()
    request = {**api.request("POST", "/batches"), "body": encoded, "isBase64Encoded": True}
    assert api.handled(request)[0] == 201
    assert api.handled({**request, "body": "%%%"})[0] == 400


def test_an_act_takes_an_empty_body_in_base64_as_well(api: ApiInMemory) -> None:
    api.open_batch(migration("m1"))
    request = api.request("POST", "/migrations/m1/confirmation")
    for content, status in (("{}", 200), ('{"force": true}', 400)):
        body = base64.b64encode(content.encode()).decode()
        assert api.handled({**request, "body": body, "isBase64Encoded": True})[0] == status


def test_half_a_surrogate_pair_is_answered_in_text_that_can_be_sent(api: ApiInMemory) -> None:
    request = {**api.request("POST", "/batches"), "body": '{"instanceIds": ["i-a"], "\\ud800": 1}'}
    answer = web.handle_request(request, api.fakes.ports, ApiSettings(), "R1")
    assert (answer["statusCode"], json.loads(answer["body"].encode())["Code"]) == (400, "Request.Invalid")


@pytest.mark.parametrize(
    "query",
    [
        *({"limit": text} for text in ("0", "101", "x", "--5", "-", "", "5" * 11, "٣")),
        {"colour": "1"},
        {"nextToken": ""},
        {"nextToken": "ä"},
    ],
)
def test_wrong_parameters_are_refused(api: ApiInMemory, query: dict[str, str]) -> None:
    assert api.refused("GET", "/batches", query=query) == (400, "Request.Invalid")


# Batches ----------------------------------------------------------------------------------------------------------


def test_a_submitted_batch_is_recorded_and_announced(api: ApiInMemory) -> None:
    policy = {"maxMoving": 3, "window": {"start": "22:00", "end": "04:00", "utcOffsetMin": -300}, "overrides": {"A.B": "known"}}
    status, batch = api.call("POST", "/batches", {**BATCH, "destination": "Alibaba Cloud Linux 3", "policy": policy})
    assert (status, batch["state"], batch["createdBy"], batch["destination"]) == (201, "planning", "ann", "alinux-3")
    assert batch["policy"]["maxMoving"] == 3
    assert batch["policy"]["window"]["utcOffsetMin"] == -300
    assert batch["policy"]["overrides"] == {"A.B": "known"}
    assert batch["selection"]["regionIds"] == ["cn-hangzhou"]
    assert api.fakes.bus.types == ["BatchSubmitted"]


def test_the_same_client_token_is_the_same_batch(api: ApiInMemory) -> None:
    (_, first), (status, second) = api.call("POST", "/batches", BATCH), api.call("POST", "/batches", BATCH)
    assert (status, second["batchId"]) == (200, first["batchId"])
    assert len(api.fakes.batches.rows) == 1
    assert api.refused("POST", "/batches", {**BATCH, "dryRun": True}) == (409, "ClientToken.Mismatch")


def test_a_batch_whose_event_was_lost_is_announced_by_the_next_try(api: ApiInMemory) -> None:
    api.fakes.bus.down = True
    assert api.refused("POST", "/batches", BATCH) == (503, "Bus.PublishFailed")
    api.fakes.bus.down = False
    assert api.call("POST", "/batches", BATCH)[0] == 200
    assert api.fakes.bus.types == ["BatchSubmitted"]


@pytest.mark.parametrize(("text", "status"), [("5.0", 201), ("5e0", 201), ("5.5", 400), ("1e999", 400), ("1e300", 400)])
def test_a_whole_number_is_one_however_it_is_written(api: ApiInMemory, text: str, status: int) -> None:
    request = {**api.request("POST", "/batches"), "body": f'{{"instanceIds": ["i-a"], "policy": {{"maxMoving": {text}}}}}'}
    assert api.handled(request)[0] == status


def test_unknown_releases_are_refused(api: ApiInMemory) -> None:
    assert api.refused("POST", "/batches", {"releases": ["Plan 9"]}) == (400, "Catalog.ReleaseUnknown")
    assert api.refused("POST", "/batches", {**BATCH, "destination": "Plan 9"}) == (400, "Catalog.ReleaseUnknown")
    assert api.call("POST", "/batches", {"releases": ["CentOS 7", "windows-2008r2"]})[1]["selection"]["releases"] == [
        "centos-7",
        "windows-2008r2",
    ]


def test_a_batch_and_its_ready_migrations_say_what_holds_them_back(api: ApiInMemory) -> None:
    batch = api.open_batch(migration("m1", State.READY), migration("m2", State.MIGRATED))
    held_back = "the risks are not acknowledged yet"
    assert api.call("GET", f"/batches/{batch}")[1]["heldBack"] == held_back
    assert api.call("GET", "/migrations/m1")[1]["waitsFor"] == held_back
    assert api.call("GET", "/migrations/m2")[1]["waitsFor"].startswith("a person: confirm it")
    api.call("POST", f"/batches/{batch}/acknowledgement", {"risksVersion": RISKS_VERSION})
    assert api.call("GET", f"/batches/{batch}")[1]["heldBack"] == ""
    assert api.call("GET", "/migrations/m1")[1]["waitsFor"].startswith("its turn")


def test_a_batch_shows_its_counts_and_the_risks_until_they_are_acknowledged(api: ApiInMemory) -> None:
    batch_id = api.open_batch(migration("m1"), migration("m2", State.FAILED))
    found = api.call("GET", f"/batches/{batch_id}")[1]
    assert found["counts"] == {"migrated": 1, "failed": 1}
    assert found["risks"]["version"] == RISKS_VERSION
    status, answer = api.call("POST", f"/batches/{batch_id}/acknowledgement", {"risksVersion": RISKS_VERSION})
    assert (status, answer["acknowledgement"]["operator"]) == (200, "ann")
    assert api.call("GET", f"/batches/{batch_id}")[1]["risks"] is None
    path = f"/batches/{batch_id}/acknowledgement"
    again = api.call("POST", path, {"risksVersion": RISKS_VERSION}, seen=found["version"])
    assert (again[0], again[1]["acknowledgement"]["operator"]) == (200, "ann"), "a lost answer is given again"
    assert api.refused("POST", path, {"risksVersion": RISKS_VERSION}, operator="bob") == (409, "Batch.AlreadyAcknowledged")


def test_other_risks_or_a_batch_in_planning_cannot_be_acknowledged(api: ApiInMemory) -> None:
    batch_id = api.call("POST", "/batches", BATCH)[1]["batchId"]
    path = f"/batches/{batch_id}/acknowledgement"
    assert api.refused("POST", path, {"risksVersion": RISKS_VERSION}) == (409, "Batch.StillPlanning")
    opened = replace(api.fakes.batches.rows[batch_id], state=BatchState.OPEN)
    api.fakes.batches.rows[batch_id] = opened
    assert api.refused("POST", path, {"risksVersion": "2020-01"}) == (409, "Acknowledgement.OtherText")


def test_batches_come_in_pages_newest_first(api: ApiInMemory) -> None:
    ids = []
    for number in range(5):
        api.fakes.clock.pass_time(minutes=1)
        ids.append(api.call("POST", "/batches", {"instanceIds": [f"i-{number}"]})[1]["batchId"])
    assert [each["batchId"] for each in api.pages("/batches", "batches", limit=2)] == ids[::-1]


def test_a_batchs_migrated_ones_are_confirmed_together(api: ApiInMemory) -> None:
    batch_id = api.open_batch(migration("m1"), migration("m2", State.FAILED), migration("m3"))
    named = [{"migrationId": each, "version": 7} for each in ("m1", "m3")]
    answer = api.call("POST", f"/batches/{batch_id}/confirmation", {"migrations": named})[1]
    assert answer == {"confirmed": ["m1", "m3"], "refused": []}
    assert [each.migration.state for each in api.fakes.migrations.rows.values()] == [State.CONFIRMED, State.FAILED, State.CONFIRMED]


# Migrations -------------------------------------------------------------------------------------------------------


def test_filters_hold_together(api: ApiInMemory) -> None:
    batch_id = api.open_batch(migration("m1"), migration("m2", State.FAILED, instance_id="i-2"))
    for query, ids in (
        ({}, ["m1", "m2"]),
        ({"state": "failed"}, ["m2"]),
        ({"batchId": batch_id, "state": "migrated"}, ["m1"]),
        ({"instanceId": "i-2"}, ["m2"]),
        ({"instanceId": "i-2", "state": "migrated"}, []),
        ({"instanceId": "i-2", "batchId": "other"}, []),
    ):
        found = api.call("GET", "/migrations", query=query)[1]["migrations"]
        assert [each["migrationId"] for each in found] == ids, query
    assert api.refused("GET", "/migrations", query={"state": "lost"}) == (400, "Request.Invalid")
    status, answer = api.call("GET", "/migrations", query={"instanceId": "i-2", "nextToken": "1"})
    assert (status, answer["Code"], answer["Recommend"]) == (400, "Token.Invalid", "Leave out nextToken.")


def test_an_act_steps_the_migration_and_is_told(api: ApiInMemory) -> None:
    api.open_batch(migration("m1"))
    status, answer = api.call("POST", "/migrations/m1/confirmation")
    assert (status, answer["state"], answer["acts"]) == (200, "confirmed", [])
    assert api.fakes.bus.types == ["ConfirmationGiven"]
    assert api.call("GET", "/migrations/m1/journal")[1]["lines"][-1]["by"] == "ann"
    assert api.call("POST", "/migrations/m1/confirmation")[0] == 200, "an act done already is answered with what is"


def test_what_is_possible_is_said_and_the_rest_refused(api: ApiInMemory) -> None:
    api.open_batch(migration("m1"))
    assert api.call("GET", "/migrations/m1")[1]["acts"] == ["confirmation", "rollback"]
    assert api.refused("POST", "/migrations/m1/retry") == (409, "Migration.NotRetryable")
    assert api.refused("POST", "/migrations/m1/cancellation") == (409, "Migration.TooLate")
    assert api.refused("POST", "/migrations/m1/confirmation", {"force": True}) == (400, "Request.Invalid")


def test_a_race_is_run_again_and_told_when_it_cannot_be_won(api: ApiInMemory) -> None:
    api.open_batch(migration("m1"))
    api.lose_races(1)
    assert api.call("POST", "/migrations/m1/confirmation")[0] == 200
    api.open_batch(migration("m2"))
    api.lose_races(100)
    assert api.refused("POST", "/migrations/m2/confirmation") == (409, "Migration.Moved")


def test_a_report_says_how_it_went_and_why(api: ApiInMemory) -> None:
    batch_id = api.open_batch(migration("m1"), migration("m2", State.FAILED))
    api.fakes.ledger.write_entry(entry("m1", "a"))
    lines = api.call("GET", f"/batches/{batch_id}/report")[1]["migrations"]
    assert [(line["result"], len(line["reasons"])) for line in lines] == [("open", 0), ("failed", 1)]
    assert lines[1]["reasons"][0]["remedy"] == "Retry."
    report = api.call("GET", "/migrations/m1/report")[1]
    assert (report["result"]["to"], len(report["snapshots"])) == ("Alibaba Cloud Linux 3", 1)


@pytest.mark.parametrize("path", ["/migrations/m1/report", "/batches/b0/report"])
def test_a_browser_gets_the_report_as_a_page(api: ApiInMemory, path: str) -> None:
    api.open_batch(replace(migration("m1"), instance_name="<script>"))
    request = api.request("GET", path)
    page = web.handle_request(
        {**request, "headers": {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*"}}, api.fakes.ports, ApiSettings(), "R1"
    )
    assert page["headers"]["Content-Type"].startswith("text/html")
    assert "<!doctype html>" in page["body"].lower()
    assert "<script>" not in page["body"]
    assert api.handled({**request, "headers": {"Accept": "application/json, text/html"}})[0] == 200


# Snapshots --------------------------------------------------------------------------------------------------------


def test_snapshots_held_have_a_price_and_swept_ones_are_not_shown(api: ApiInMemory) -> None:
    for number in range(5):
        api.fakes.ledger.write_entry(entry("m1", f"k{number}", SnapshotState.SWEPT if number == 1 else SnapshotState.ACCOMPLISHED))
    page = api.call("GET", "/snapshots", query={"limit": "2"})[1]
    assert (page["sizeGib"], page["costPerMonth"], page["currency"]) == (80, 1.6, "USD")
    assert len(api.pages("/snapshots", "snapshots", limit=2)) == 4


def test_the_store_failing_is_503(api: ApiInMemory) -> None:
    api.fakes.migrations.migration_page = _unavailable  # type: ignore[method-assign]
    status, body = api.call("GET", "/migrations")
    assert (status, body["Code"]) == (503, "Store.Unavailable")


def _unavailable(**_: Any) -> Any:
    raise Transient("Store.Unavailable", "Tablestore does not answer.")


def test_a_destination_for_an_instance_that_is_not_asked_for_is_refused(api: ApiInMemory) -> None:
    status, body = api.call("POST", "/batches", {"instanceIds": ["i-one"], "destinations": {"i-two": "alinux-3"}})
    assert (status, body["Code"]) == (400, "Batch.DestinationOfOther")
    assert "i-two" in body["Message"]


def held(api: ApiInMemory) -> dict[str, Any]:
    status, body = api.call("POST", "/hold", {"why": "storm 风暴"}, operator="bob")
    assert status == 200
    return body


def test_a_hold_shows_on_every_answer_and_its_release_is_an_act(api: ApiInMemory) -> None:
    assert "X-Replank-Hold" not in api.send("GET", "/risks")["headers"]
    made = held(api)
    assert (made["held"], made["version"], made["history"][0]["by"]) == (True, 1, "bob")
    for answer in (api.send("GET", "/risks"), api.send("GET", "/migrations/none"), api.send("GET", "/hold")):
        assert json.loads(answer["headers"]["X-Replank-Hold"]) == made["reason"]
        assert answer["headers"]["X-Replank-Hold"].isascii()
    status, body = api.call("POST", "/hold/release", {"why": "over", "version": 1}, operator="ann")
    assert (status, body["held"], [line["act"] for line in body["history"]]) == (200, False, ["release", "hold"])
    assert "X-Replank-Hold" not in api.send("GET", "/risks")["headers"]


def test_a_hold_is_released_by_a_person_with_a_reason_who_saw_it(api: ApiInMemory) -> None:
    assert api.refused("POST", "/hold/release", {"why": "x", "version": 0}) == (409, "Hold.NotHeld")
    held(api)
    assert api.refused("POST", "/hold/release", {"version": 1}) == (400, "Request.Invalid")
    assert api.refused("POST", "/hold/release", {"why": "x"}) == (400, "Request.Invalid")
    assert api.refused("POST", "/hold", {}, operator="") == (401, "Operator.Missing")
    held(api)
    assert api.refused("POST", "/hold/release", {"why": "x", "version": 1}) == (409, "Hold.Moved")
    assert api.call("GET", "/hold")[1]["held"]


def test_whatever_waits_says_that_everything_is_held(api: ApiInMemory) -> None:
    batch = api.open_batch(migration("m1", State.READY))
    api.call("POST", f"/batches/{batch}/acknowledgement", {"risksVersion": RISKS_VERSION})
    api.fakes.admission.row = {"state": "held", "why": "by hand"}
    reason = "everything is held, by the row set in the Tablestore console: by hand"
    assert api.call("GET", "/migrations/m1")[1]["waitsFor"] == reason
    assert api.call("GET", f"/batches/{batch}")[1]["heldBack"] == reason
