"""GET /v1/needs: the batches that may need a person, found with few reads for each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.batch import Acknowledgement, Batch, BatchProgress, BatchState, PauseState, Selection, Waves
from shared.domain.migration import State, first_journal_entry
from shared.domain.policy import Policy
from tests.support.api import ApiInMemory, migration
from tests.support.fakes import NOON

GIVEN = Acknowledgement("ann", NOON, "1", ("text",))


def needs(api: ApiInMemory, **query: Any) -> Any:
    return api.call("GET", "/needs", query=query)[1]


def api_with(one: Batch, *states: State) -> ApiInMemory:
    api = ApiInMemory()
    api.fakes.batches.rows[one.batch_id] = one
    for number, state in enumerate(states):
        made = replace(migration(f"m{number}"), batch_id=one.batch_id, state=state)
        api.fakes.migrations.create(made, first_journal_entry(made, by="intake", reason="r"), ())
    return api


QUIET = Batch("b1", BatchState.OPEN, 1, NOON, "api", "ann", Selection(("cn-hangzhou",)), Policy(), acknowledgement=GIVEN, size=1)
CLOSED = replace(QUIET, state=BatchState.CLOSED)
GATED = replace(QUIET, policy=Policy(waves=("1",), gate="approval"), control=BatchProgress(wave_ended_at=NOON))


@pytest.mark.parametrize(
    ("one", "states", "found"),
    [
        (QUIET, [State.MIGRATING], False),
        (replace(QUIET, acknowledgement=None), [State.READY], True),
        (replace(QUIET, acknowledgement=None, size=0), [], False),
        (replace(QUIET, acknowledgement=None, dry_run=True), [State.READY], False),
        (replace(QUIET, control=BatchProgress(PauseState.PAUSED, "ann", NOON)), [State.READY], True),
        (replace(CLOSED, control=BatchProgress(PauseState.STOPPED, "ann", NOON)), [State.CANCELLED], False),
        (CLOSED, [State.COMPLETED], False),
        (CLOSED, [State.FAILED], True),
        (CLOSED, [State.MIGRATED], True),
        (QUIET, [State.PRECHECK_FAILED], True),
        (replace(QUIET, policy=Policy(driver="console")), [State.SNAPSHOTTED], True),
        (QUIET, [State.SNAPSHOTTED], False),
        (replace(QUIET, policy=Policy(approvals=1)), [State.READY], True),
    ],
)
def test_what_needs_a_person_is_found(one: Batch, states: list[State], found: bool) -> None:
    answer = needs(api_with(one, *states))
    assert ([each["batchId"] for each in answer["batches"]], answer["lookedInto"]) == ([one.batch_id] if found else [], 1)


@pytest.mark.parametrize(("waves", "found"), [((("m0",), ("m1",)), True), ((("m0",),), False)])
def test_a_wave_that_a_person_lets_begin_is_found(waves: tuple[tuple[str, ...], ...], found: bool) -> None:
    api = api_with(GATED, State.MIGRATING)
    api.fakes.batches.cut["b1"] = Waves(waves)
    rows = needs(api)["batches"]
    assert [each["waves"][0]["number"] for each in rows] == ([2] if found else [])


def test_a_page_looks_into_a_few_batches_with_one_read_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    api, read = ApiInMemory(), list[str]()
    for number in range(5):
        one = replace(CLOSED, batch_id=f"b{number}", created_at=NOON + timedelta(minutes=number))
        api.fakes.batches.rows[one.batch_id] = one
    counts = api.fakes.migrations.state_counts

    def counted(batch_id: str) -> Counter[State]:
        read.append(batch_id)
        return counts(batch_id)

    monkeypatch.setattr(api.fakes.migrations, "state_counts", counted)
    answer = needs(api, limit="2")
    assert (read, answer["lookedInto"], bool(answer["nextToken"])) == (["b4", "b3"], 2, True)
