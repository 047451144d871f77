"""Acts on a batch as stored: the columns beside the document, and what a version without these acts leaves unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any
from unittest import mock

import pytest

from shared.adapters import tables
from shared.domain import approvals, brake
from shared.domain.batch import UNTOUCHED, Acknowledgement, Batch, BatchState, PauseState, Selection
from shared.domain.caller import Caller, Trust
from shared.domain.codec import encode as plain
from shared.domain.errors import Stale
from shared.domain.policy import Policy, parse_policy
from shared.domain.window import NEVER, Window
from shared.ports.ports import Ports
from tests.support.ports import T0, bench

BOB = Caller("bob", Trust.VERIFIED, door="gateway")
ACK = Acknowledgement("ann", T0, "2026-11", ("text",))


@pytest.fixture(params=["", "drop_before", "drop_after"])
def ports(request: pytest.FixtureRequest) -> Iterator[Ports]:
    """The ports. In two of three runs every third answer of the store is lost."""
    with bench("api") as made:
        if request.param:
            made.faults({"service": "tablestore", "kind": request.param, "times": -1, "probability": 0.3})
        yield made.ports


def batch(number: int, **more: Any) -> Batch:
    made = Batch(
        f"b{number:016x}", BatchState.OPEN, 2, T0, "api", "ann", Selection(("cn-hangzhou",)), Policy(), acknowledgement=ACK
    )
    return replace(made, **more)


def paused(made: Batch, ports: Ports) -> Batch:
    change = brake.pause_batch(made, BOB, "the pager", T0)
    ports.batches.commit(made, change.after, line=change.line)
    return change.after


def test_every_reader_sees_the_act(ports: Ports) -> None:
    made = batch(1)
    ports.batches.create(made)
    after = paused(made, ports)
    assert after.control.brake is PauseState.PAUSED
    assert ports.batches.load(made.batch_id) == after
    assert ports.batches.load_summary(made.batch_id) == after.summary
    assert ports.batches.load_tally(made.batch_id).summary == after.summary
    assert ports.batches.load_batch_and_tally(made.batch_id)[0] == after
    assert ports.batches.batch_page(limit=5, token="").batches == (after,)
    assert ports.batches.open_batches(5) == [after.summary]
    assert [(line.act, line.by, line.trust) for line in ports.batches.journal(made.batch_id)] == [("pause", "bob", "verified")]
    late = brake.stop_batch(made, BOB, "", T0)
    with pytest.raises(Stale):
        ports.batches.commit(made, late.after, line=late.line)


def test_what_is_forgiven_counts_no_more_and_a_later_failure_does(ports: Ports) -> None:
    made = batch(2)
    ports.batches.create(made)
    for migration_id, attempt in (("ma", 1), ("mb", 2)):
        ports.batches.write_attempt_outcome(made.batch_id, migration_id, "failed", attempt)
    spent = brake.pause_batch_at_budget(made, "2 failed", T0)
    ports.batches.commit(made, spent.after, line=spent.line)
    tally = ports.batches.load_tally(made.batch_id)
    assert tally.attempts == {"ma": 1, "mb": 2}
    change = brake.resume_batch(spent.after, BOB, "mended", T0, tally.attempts, 2)
    ports.batches.commit(spent.after, change.after, line=change.line, forgiven=change.forgiven)
    assert ports.batches.load_tally(made.batch_id).failed == frozenset()
    assert [line.act for line in ports.batches.journal(made.batch_id)] == ["pause", "resume"]
    ports.batches.write_attempt_outcome(made.batch_id, "ma", "failed", 1)  # the same failure, recorded again
    assert ports.batches.load_tally(made.batch_id).failed == frozenset()
    ports.batches.write_attempt_outcome(made.batch_id, "mb", "failed", 3)
    assert ports.batches.load_tally(made.batch_id).failed == {"mb"}


@contextmanager
def earlier_version() -> Iterator[None]:
    """Within the block, batches are written as by a version that does not know these acts."""
    columns = tables.batch_columns

    def without(made: Batch) -> dict[str, Any]:
        return {name: value for name, value in columns(made).items() if name not in tables.CONTROL}

    with mock.patch.object(tables, "batch_columns", without):
        yield


def test_an_earlier_version_that_writes_the_batch_does_not_undo_the_act() -> None:
    with bench("api") as made:
        ports = made.ports
        first = batch(3)
        ports.batches.create(first)
        after = paused(first, ports)
        with earlier_version():
            ports.batches.commit(after, replace(after, state=BatchState.CLOSED, version=4))
        assert ports.batches.load(first.batch_id) == replace(after, state=BatchState.CLOSED, version=4)
        assert ports.batches.load_summary(first.batch_id).control == after.control


def shortened(column: str) -> str:
    """A document as an older version writes it back: without the fields that it does not know."""
    doc = json.loads(column)
    doc["policy"] = {name: value for name, value in doc["policy"].items() if name not in ("waves", "windows")}
    doc.get("selection", doc).pop("accounts", None)
    return json.dumps(doc)


def test_an_older_version_that_writes_the_batch_does_not_shorten_its_policy() -> None:
    policy = Policy(waves=("1", "x2"), window=NEVER, windows=(Window("22:00", "04:00"),))
    made = batch(7, policy=policy, selection=Selection(("cn-hangzhou",), accounts=("", "1234567890123456")))
    columns = tables.batch_columns(made)
    columns |= {name: shortened(columns[name]) for name in ("doc", "terms")}
    assert "waves" not in columns["doc"] + columns["terms"]
    assert tables.batch_from_row(columns) == made
    assert tables.batch_summary_from_row(columns) == made.summary


def test_a_row_of_an_older_version_has_its_policy_in_the_document_alone() -> None:
    made = batch(8, policy=Policy(max_moving=7))
    columns = {name: value for name, value in tables.batch_columns(made).items() if name not in tables.SUBMITTED}
    assert tables.batch_from_row(columns) == made
    assert tables.batch_summary_from_row(columns) == made.summary


def test_the_policy_as_submitted_is_in_every_range_that_is_read(ports: Ports) -> None:
    made = batch(9, policy=Policy(waves=("1",), window=NEVER))
    with mock.patch.object(
        tables, "encode", lambda value: {**plain(value), "policy": {}} if hasattr(value, "state") else plain(value)
    ):
        ports.batches.create(made)
    assert ports.batches.load(made.batch_id).policy == made.policy
    assert ports.batches.load_summary(made.batch_id).policy == made.policy
    assert ports.batches.load_batch_and_tally(made.batch_id)[0].policy == made.policy


def test_the_document_holds_nothing_of_it() -> None:
    """A version that reads only the document finds no new fields in it."""
    after = brake.stop_batch(batch(4), BOB, "", T0).after
    columns = tables.batch_columns(after)
    assert '"control"' not in columns["doc"] + columns["terms"]
    assert {each.name for each in fields(after.control)} >= {"brake", "by", "at", "why"}
    assert tables.batch_from_row(columns) == after


def test_a_row_from_before_reads_as_untouched() -> None:
    columns = tables.batch_columns(batch(5))
    assert set(tables.CONTROL) & set(columns) == set()
    assert tables.batch_from_row(columns).control.brake is PauseState.OFF


def test_waves_are_kept_with_the_acknowledgement_and_read_alone(ports: Ports) -> None:
    made = batch(6)
    ports.batches.create(made)
    assert ports.batches.waves(made.batch_id) == []
    after = replace(made, version=3)
    cut = [("ma",), tuple(f"m{number}" for number in range(300))]
    ports.batches.commit(made, after, waves=cut)
    assert ports.batches.waves(made.batch_id) == cut
    assert ports.batches.load(made.batch_id) == after
    assert ports.batches.load_tally(made.batch_id).failed == frozenset()


def test_an_approval_is_stored_with_the_batch_and_in_its_journal(ports: Ports) -> None:
    made = batch(9, policy=parse_policy({"approvals": 1}))
    ports.batches.create(made)
    found = approvals.batch_approval_status(made, approvals.BATCH, T0)
    change = approvals.add_approval(made, found, BOB, found.seen, "CHG-7", T0)
    assert change is not None
    ports.batches.commit(made, change.after, line=change.line)
    assert ports.batches.load(made.batch_id) == change.after
    assert ports.batches.load_summary(made.batch_id).control.approvals == change.after.control.approvals
    (line,) = ports.batches.journal(made.batch_id)
    assert line.approval == change.after.control.approvals[0]


def test_rows_from_before_approvals_are_read(ports: Ports) -> None:
    older = paused(batch(10), ports) if ports.batches.create(batch(10)) else batch(10)
    assert (older.control.approvals, older.control.asked, older.policy.approvals) == ((), (), 0)
    (line,) = ports.batches.journal(older.batch_id)
    assert line.approval is None


def test_batches_that_wait_for_a_confirmation_are_listed_page_by_page(ports: Ports) -> None:
    ready = replace(UNTOUCHED, validated_at=T0)
    closed = [batch(number, state=BatchState.CLOSED, control=ready) for number in (1, 2, 3)]
    for each in (*closed, batch(4), batch(5, state=BatchState.CLOSED), batch(6, control=ready)):
        ports.batches.create(each)
    first = ports.batches.batches_awaiting_confirmation(limit=2, token="")
    rest = ports.batches.batches_awaiting_confirmation(limit=2, token=first.next_token)
    assert (*first.batches, *rest.batches) == tuple(closed)
    assert rest.next_token == ""
    decided = replace(closed[0], version=3, control=UNTOUCHED)
    ports.batches.commit(closed[0], decided)
    assert ports.batches.batches_awaiting_confirmation(limit=5, token="").batches == tuple(closed[1:])
    assert {each.batch_id for each in ports.batches.open_batches(9)} == {batch(4).batch_id, batch(6).batch_id}
