"""The plan of a batch that is too large for the function's time says what its forecast leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain import forecast as forecasting
from shared.domain.batch import Acknowledgement
from shared.domain.chosen import selection_digest
from shared.domain.findings import Assessment, Finding, Severity
from shared.domain.migration import State
from shared.stages.api import plan_rows, planning
from tests.support.api import ApiInMemory, migration
from tests.support.fakes import NOON, FakeMigrations


def plan(api: ApiInMemory, batch_id: str) -> dict[str, Any]:
    status, found = api.call("GET", f"/batches/{batch_id}/plan")
    assert status == 200
    return found


def acknowledged(api: ApiInMemory, states: list[State]) -> str:
    batch_id = api.open_batch(*(migration(f"m{number}", state, instance_id=f"i-{number}") for number, state in enumerate(states)))
    batch = api.fakes.batches.rows[batch_id]
    given = Acknowledgement("ann", NOON, "1", (), selection_digest(batch.selection))
    api.fakes.batches.rows[batch_id] = replace(batch, acknowledgement=given)
    return batch_id


def test_the_forecast_at_the_acknowledgement_is_left_out_of_a_large_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiInMemory()
    batch_id = acknowledged(api, [State.READY] * 3)
    assert plan(api, batch_id)["planned"] is not None
    monkeypatch.setattr(planning, "MOST_IN_RUN", 5)
    found = plan(api, batch_id)
    assert found["planned"] is None
    assert "the forecast at the acknowledgement is left out, because the batch is too large" in found["notKnown"]
    assert found["finish"]["p50"] is not None


def test_a_batch_that_has_ended_shows_what_was_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MOST_IN_RUN", 3)
    api = ApiInMemory()
    found = plan(api, acknowledged(api, [State.MIGRATED] * 3))
    assert found["planned"] is not None
    assert found["notKnown"] == []


def test_the_forecast_is_for_the_first_ones_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = forecasting.forecast_batch

    def forecast(outlook: Any, **more: Any) -> Any:
        seen.append(len(outlook.items))
        return real(outlook, **more)

    monkeypatch.setattr(planning, "forecast_batch", forecast)
    monkeypatch.setattr(planning, "MOST_IN_RUN", 2)
    api = ApiInMemory()
    found = plan(api, acknowledged(api, [State.MIGRATED, State.READY, State.READY, State.READY]))
    assert seen == [3], "the one that has ended counts for the limits, and costs nothing"
    assert "the forecast is for the first 2 of 3 instances" in found["notKnown"]
    assert found["instances"] == 3


CAVEAT = (
    "routes, drivers and findings are counted in {} of {} instances, and in {} of {} refused ones, because the batch is too large"
)


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Plans of more than four migrations read the rows of the first four, and of a sample of two. Returns which rows are read."""
    read: list[list[str]] = []
    for name, most in (("MOST_READ", 4), ("SAMPLE", 2), ("REFUSED_READ", 1)):
        monkeypatch.setattr(plan_rows, name, most)
    real = FakeMigrations.load_migrations

    def load(self: FakeMigrations, ids: list[str]) -> Any:
        read.append(list(ids))
        return real(self, ids)

    monkeypatch.setattr(FakeMigrations, "load_migrations", load)
    return read


def test_a_large_batch_counts_every_state_and_reads_few_rows(few_rows: list[list[str]]) -> None:
    api = ApiInMemory()
    states = [State.MIGRATED] * 3 + [State.READY] * 10 + [State.PRECHECK_FAILED] * 4 + [State.FAILED] * 2
    found = plan(api, acknowledged(api, states))
    assert found["outcomes"] == {"migrated": 3, "ready": 10, "precheck_failed": 4, "failed": 2}
    assert found["instances"] == 10
    assert CAVEAT.format(2, 15, 1, 4) in found["notKnown"]
    assert len(few_rows) == 1
    assert few_rows[0] == ["m10", "m11", "m12", "m3", "m0", "m2", "m13"], "the first unfinished ones, the sample, one refused"
    assert "4 refused by the precheck: see the findings, then retry or cancel" in found["needsAPerson"]


def test_a_batch_of_which_every_row_is_read_says_nothing_of_a_sample(few_rows: list[list[str]]) -> None:
    api = ApiInMemory()
    found = plan(api, acknowledged(api, [State.READY] * 4))
    assert len(few_rows[0]) == 4
    assert found["notKnown"] == []


def test_findings_of_a_large_batch_are_those_of_the_sample(few_rows: list[list[str]]) -> None:
    api = ApiInMemory()
    batch_id = acknowledged(api, [State.READY] * 9 + [State.PRECHECK_FAILED] * 3)
    refusing = Finding("Disk.Full", Severity.ERROR, "The disk is full", "It is.", "It must not be.", "Make room.")
    for row in api.fakes.migrations.rows.values():
        if row.migration.state is State.PRECHECK_FAILED:
            row.migration = replace(row.migration, assessment=Assessment(findings=(refusing,)))
    found = plan(api, batch_id)
    assert [(each["code"], each["instances"]) for each in found["findings"]] == [("Disk.Full", 1)]
    assert CAVEAT.format(2, 9, 1, 3) in found["notKnown"]
    assert sum(found["routes"].values()) == 2


def test_the_plan_of_a_large_batch_is_made_anew_each_time(few_rows: list[list[str]]) -> None:
    """Nothing of it is stored: another policy, an acknowledgement, an instance more and a new state show at once."""
    api = ApiInMemory()
    batch_id = api.open_batch(*(migration(f"m{number}", State.READY, instance_id=f"i-{number}") for number in range(6)))
    before = plan(api, batch_id)
    assert (before["waves"], before["instances"]) == ([], 6)
    assert any(each.startswith("somebody acknowledges") for each in before["needsAPerson"])

    batch = api.fakes.batches.rows[batch_id]
    given = Acknowledgement("ann", NOON, "1", (), selection_digest(batch.selection))
    api.fakes.batches.rows[batch_id] = replace(
        batch, acknowledgement=given, policy=replace(batch.policy, waves=("1", "100%"), max_moving=1)
    )
    late = replace(migration("m6", State.READY, instance_id="i-6"), batch_id=batch_id)
    api.fakes.migrations.rows["m6"] = replace(api.fakes.migrations.rows["m0"], migration=late)
    row = api.fakes.migrations.rows["m5"]
    row.migration = replace(row.migration, state=State.FAILED)
    after = plan(api, batch_id)
    assert (len(after["waves"]), after["instances"], after["outcomes"]) == (2, 6, {"ready": 6, "failed": 1})
    assert not any(each.startswith("somebody acknowledges") for each in after["needsAPerson"])
    assert after["finish"]["p50"] > before["finish"]["p50"], "one at a time takes longer"


def test_a_large_batch_that_has_ended_says_that_the_time_is_not_known(few_rows: list[list[str]]) -> None:
    api = ApiInMemory()
    found = plan(api, acknowledged(api, [State.MIGRATED] * 6))
    assert found["finishedAt"] is None
    assert "the time of the end is left out, because the batch is too large" in found["notKnown"]


def test_a_row_is_newer_than_the_index_and_an_unreadable_one_is_left_out(
    few_rows: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = ApiInMemory()
    batch_id = acknowledged(api, [State.FAILED, *[State.READY] * 8])
    late = {f"m{number}": State.READY for number in range(9)}
    monkeypatch.setattr(FakeMigrations, "states_by_migration_id", lambda self, batch_id: {**late, "unreadable": State.READY})
    found = plan(api, batch_id)
    assert found["outcomes"] == {"failed": 1, "ready": 9}
    monkeypatch.setattr(FakeMigrations, "states_by_migration_id", lambda self, batch_id: {"a-unreadable": State.READY, **late})
    assert plan(api, batch_id)["outcomes"] == {"failed": 1, "ready": 8}
