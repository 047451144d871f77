"""The pure parts of the adapters: clocks, secrets, tokens, columns, and pages of the cloud's answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shared.adapters import redact, tables
from shared.adapters.clock import (
    EnvironmentClock,
    SystemClock,
    clock_from_setting,
    epoch_milliseconds,
    parse_time,
    parse_time_or_none,
)
from shared.adapters.compute_facts import likely_architecture
from shared.adapters.drivers.jobs import job_report, whole_percent
from shared.adapters.drivers.sources import source_addresses
from shared.adapters.ids import RandomIds
from shared.adapters.page_tokens import first_key_of_page, page_token
from shared.adapters.sdk import Endpoint, tablestore_retry_policy
from shared.adapters.store import HighestKey, LowestKey
from shared.domain.effects import KINDS, AdoptSnapshots, CleanUpDriver, CountOutcome, LaunchDriver, ReleaseSlot, ScheduleSweep
from shared.domain.errors import Permanent, Refused
from shared.domain.events import Event
from shared.domain.migration import DriverData, State, first_journal_entry, step_to_state
from shared.domain.retry import RetryPolicy
from shared.ports.driver import JobPhase
from tests.support.ports import T0, migration


def test_times_as_the_cloud_writes_them() -> None:
    assert parse_time("2026-09-01T04:00Z") == parse_time("2026-09-01T04:00:00.000+00:00") == parse_time("2026-09-01T12:00:00+08:00")
    assert parse_time("2026-09-01T04:00:00").tzinfo is timezone.utc
    assert parse_time_or_none("") is parse_time_or_none(None) is parse_time_or_none("soon") is None
    assert epoch_milliseconds(datetime(1970, 1, 1, 0, 0, 1, 500_000, timezone.utc)) == 1500


def test_the_clock_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(clock_from_setting("system"), SystemClock)
    clock = clock_from_setting("env:LOCALCLOUD_NOW")
    assert isinstance(clock, EnvironmentClock)
    monkeypatch.setenv("LOCALCLOUD_NOW", "2026-11-23T12:00:00.000Z")
    assert clock.now() == T0
    monkeypatch.delenv("LOCALCLOUD_NOW")
    assert clock.now().tzinfo is timezone.utc
    for wrong in ("sundial", "env:", ""):
        with pytest.raises(Permanent):
            clock_from_setting(wrong)


def test_ids_are_long_and_different() -> None:
    made = {RandomIds().new_batch_id() for _ in range(100)}
    assert len(made) == 100
    assert all(len(each) == 17 and each[0] == "b" for each in made)


def test_secrets_are_hidden_by_value_and_by_form() -> None:
    redact.add_secret("s3cr3t-value")
    redact.add_secret("ab")
    redact.add_secret(None)
    assert redact.hide_secrets("x s3cr3t-value y ab") == "x *** y ab"
    for text in (
        "AccessKeySecret=abc123&x=1",
        '{"access_token_code": "9f8e7d"}',
        "SecurityToken: CAISxyz",
        "authorization=acs:AKID:9f8e7d",
        "Credential=LTAI5tABCDEFGH1234",
        "STS.NUabcdef123456",
    ):
        hidden = redact.hide_secrets(text)
        assert "***" in hidden
        assert not any(part in hidden for part in ("abc123", "9f8e7d", "CAISxyz", "LTAI5", "NUabc"))
    assert (
        redact.hide_secrets("the token id is at-1; the code is Throttling.User")
        == "the token id is at-1; the code is Throttling.User"
    )


@given(
    some.lists(some.tuples(some.text(min_size=1, max_size=20), some.text(max_size=50) | some.integers()), min_size=1, max_size=4)
)
def test_tokens_bring_back_the_key(key: list[tuple[str, Any]]) -> None:
    first = [(name, LowestKey) for name, _ in key]
    assert first_key_of_page(page_token(key), first) == key


@given(some.text(max_size=60))
def test_any_other_token_is_refused(token: str) -> None:
    if token:
        with pytest.raises(Refused):
            first_key_of_page(token, (("migration_id", LowestKey),))


def test_a_token_cannot_leave_its_listing() -> None:
    first = (("batch_id", "b1"), ("migration_id", HighestKey))
    assert first_key_of_page("", first) == first
    assert page_token(None) == ""
    for key in ([("batch_id", "b2"), ("migration_id", "m")], [("batch_id", "b1")], [("other", "b1"), ("migration_id", "m")]):
        with pytest.raises(Refused):
            first_key_of_page(page_token(key), first)


def test_columns_have_names_tablestore_takes_and_lie_in_their_ranges() -> None:
    made = migration(1, due_at=T0)
    taken = replace(
        step_to_state(made, State.PRECHECKING, now=T0, by="precheck", reason="begun"), events=(Event("t", "e", "s", {}),)
    )
    columns = tables.step_columns(taken)
    names = [*columns, tables.document_column_name("instance-0"), tables.column_name_of_restart("a/b c")]
    assert all(name.replace("_", "a").isalnum() and not name[0].isdigit() for name in names)
    low, high = tables.MIGRATION_COLUMNS
    inside = {name for name in names if low <= name < high}
    assert inside == {"doc", "due_at", "due_lane", "instance_id", "o_00000002", "progress"}
    assert tables.column_range_of_prefix(tables.JOURNAL) == ("change_", "change`")


def test_a_row_waits_in_the_lane_of_its_state() -> None:
    assert tables.queue_columns(migration(1)) == {}
    assert tables.queue_columns(migration(1, due_at=T0)) == {"due_lane": "drive", "due_at": epoch_milliseconds(T0)}
    ready = migration(1, state=State.READY, due_at=T0 + timedelta(days=1))
    assert tables.queue_columns(ready) == {"due_lane": "admit:b0000000000000001", "due_at": epoch_milliseconds(T0)}


def test_every_effect_survives_the_outbox() -> None:
    effects = (
        ReleaseSlot(),
        CountOutcome("moved"),
        AdoptSnapshots(),
        LaunchDriver(),
        CleanUpDriver(DriverData(job_id="j")),
        ScheduleSweep(7),
    )
    assert {type(effect).__name__ for effect in effects} <= set(KINDS)
    event = Event("replank:Migration:StepDue", "m-1", "migration/m", {"n": [1, {"ü": None}]})
    written = tables.json_column_text("outbox", tables.outbox_document(effects, (event,)))
    found = tables.outbox_from_column("o_00000012", written)
    assert (found.version, found.effects, found.events) == (12, effects, (event,))
    for broken in ("{", "{}", '{"effects": [{"kind": "Nothing"}], "events": []}', '{"effects": [], "events": [{"x": 1}]}'):
        with pytest.raises(Permanent) as caught:
            tables.outbox_from_column("o_00000001", broken)
        assert caught.value.code == "Store.RowInvalid"


def test_an_outbox_of_a_later_version_is_understood() -> None:
    event = Event("replank:Migration:StepDue", "m-1", "migration/m", {"n": 1})
    document = tables.outbox_document((CountOutcome("moved"),), (event,))
    for each in (document, *document["effects"], *document["events"]):
        each["later"] = {"since": 2}
    found = tables.outbox_from_column("o_00000012", tables.json_column_text("outbox", document))
    assert (found.effects, found.events) == ((CountOutcome("moved"),), (event,))


def test_a_migration_survives_its_row() -> None:
    made = migration(3, handle=DriverData(job_id="j-1", started_at=T0), owes=(1, 2))
    row = {"migration_id": made.migration_id, **tables.migration_columns(made), "progress": 30, "o_00000004": "{}"}
    assert tables.migration_from_row(row) == replace(made, progress=30, owes=(4,))
    assert tables.migration_journal_entry_from_column(
        tables.json_column_text(
            "j", {"version": 1, "at": "2026-11-23T12:00:00Z", "to_state": "accepted", "by": "x", "reason": "y", "from_state": None}
        )
    ) == replace(first_journal_entry(migration(3), by="x", reason="y"))


@pytest.mark.parametrize(
    ("address", "protocol", "host", "loopback"),
    [
        ("http://127.0.0.1:8080", "http", "127.0.0.1:8080", True),
        ("http://localhost/", "http", "localhost", True),
        ("http://[::1]:80", "http", "[::1]:80", True),
        ("ecs.cn-hangzhou.aliyuncs.com", "https", "ecs.cn-hangzhou.aliyuncs.com", False),
        ("https://replank.cn-hangzhou.ots.aliyuncs.com", "https", "replank.cn-hangzhou.ots.aliyuncs.com", False),
    ],
)
def test_an_address_gives_protocol_host_and_whether_it_is_local(address: str, protocol: str, host: str, loopback: bool) -> None:
    endpoint = Endpoint.from_address(address)
    assert (endpoint.protocol, endpoint.host, endpoint.is_loopback) == (protocol, host, loopback)


@pytest.mark.parametrize(
    ("instance_type", "expected"),
    [
        ("ecs.g7.large", "x86_64"),
        ("ecs.g6r.large", "arm64"),
        ("ecs.c8y.4xlarge", "arm64"),
        ("ecs.r6.large", "x86_64"),
        ("ecs.r8y.large", "arm64"),
        ("ecs.g7ne.large", "x86_64"),
        ("ecs.ebmg6a.64xlarge", "x86_64"),
        ("", "x86_64"),
    ],
)
def test_the_instance_type_tells_the_architecture(instance_type: str, expected: str) -> None:
    assert likely_architecture(instance_type) == expected


def test_addresses_of_a_source() -> None:
    assert source_addresses('{"ipv4": "10.0.0.1", "hostname": "h"}') == {"10.0.0.1"}
    assert source_addresses('{"ipv4": ["10.0.0.1", "10.0.0.2/24"]}') == {"10.0.0.1", "10.0.0.2"}
    assert source_addresses("{") == source_addresses(None) == source_addresses("[]") == source_addresses("{}") == set()


def job(status: str, **more: Any) -> Any:
    fields = {
        "job_id": "j-1",
        "source_id": "s-1",
        "progress": 41.7,
        "start_time": "",
        "end_time": "",
        "error_code": "",
        "status_info": "",
        "business_status": "Preparing",
    }
    return SimpleNamespace(status=status, **{**fields, **more})


def test_jobs_as_reports() -> None:
    known = DriverData(job_id="j-1")
    running = job_report(known, job("Running", start_time="2026-11-23T12:00:00Z"))
    assert (running.phase, running.progress, running.handle.started_at) == (JobPhase.RUNNING, 41, T0)
    finished = job_report(known, job("Finished", end_time="2026-11-23T12:00:00Z"))
    assert (finished.phase, finished.handle.finished_at, finished.handle.source_id) == (JobPhase.FINISHED, T0, "s-1")
    failed = job_report(known, job("InError", error_code="M199", status_info="no initramfs"))
    assert (failed.phase, failed.code, failed.message) == (JobPhase.FAILED, "M199", "no initramfs")
    assert job_report(known, job("Expired")).code == "Job.Expired"
    assert job_report(known, job("Deleting")).code == job_report(known, None).code == "Job.Gone"
    assert job_report(DriverData(), None).phase is JobPhase.PREPARING
    assert [whole_percent(value) for value in (None, "", "12.9", 250, -3, "many")] == [0, 0, 12, 100, 0, 0]


def test_the_store_s_sdk_repeats_within_the_policy() -> None:
    busy = SimpleNamespace(code="OTSServerBusy", message="", http_status=503)
    denied = SimpleNamespace(code="OTSAuthFailed", message="", http_status=403)
    policy = tablestore_retry_policy(RetryPolicy(calls=3, pause_s=0.5))
    assert [policy.should_retry(times, busy, "GetRow") for times in range(4)] == [True, True, False, False]
    assert [policy.get_retry_delay(times, busy, "GetRow") for times in range(2)] == [0.5, 1.0]
    assert not policy.should_retry(0, denied, "GetRow")
