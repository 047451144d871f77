"""The plan of a batch that is too large for the function's time says what its forecast leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain import forecast as forecasting
from shared.domain.batch import Acknowledgement
from shared.domain.chosen import selection_digest
from shared.domain.migration import State
from shared.stages.api import planning
from tests.support.api import ApiInMemory, migration
from tests.support.fakes import NOON


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
