"""The state machine: steps follow the table, the journal replays to the state, and no state can hang unnoticed."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from shared.domain.codec import decode, encode
from shared.domain.errors import Bug
from shared.domain.findings import Finding, Severity, sorted_assessment
from shared.domain.hop import Hop
from shared.domain.migration import (
    ADMITTED,
    MOVING,
    TERMINAL,
    TRANSITIONS,
    WAITING_FOR_A_PERSON,
    DriverData,
    Failure,
    Migration,
    State,
    first_journal_entry,
    replay_journal,
    step_to_state,
)
from shared.stages.watch import STAGE_OF

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)


def accepted() -> Migration:
    return Migration("m1", "b1", "i-1", "cn-hangzhou", State.ACCEPTED, 1, 1, NOW, NOW)


def test_a_step_raises_the_version_and_notes_from_where_to_where() -> None:
    taken = step_to_state(accepted(), State.PRECHECKING, now=NOW + timedelta(minutes=1), by="precheck", reason="probe sent")
    assert (taken.after.version, taken.after.entered_version, taken.after.state) == (2, 2, State.PRECHECKING)
    assert (taken.entry.from_state, taken.entry.to_state, taken.entry.by) == (State.ACCEPTED, State.PRECHECKING, "precheck")


def test_a_step_to_the_same_state_keeps_when_it_was_entered() -> None:
    there = replace(accepted(), state=State.SNAPSHOTTED, version=5, entered_version=5)
    taken = step_to_state(there, State.SNAPSHOTTED, now=NOW + timedelta(hours=1), by="migrate", reason="preparing")
    assert (taken.after.version, taken.after.entered_version, taken.after.entered_at) == (6, 5, NOW)


@pytest.mark.parametrize(("state", "to"), [(s, t) for s in State for t in State if t not in TRANSITIONS[s]])
def test_a_transition_the_table_lacks_is_a_bug(state: State, to: State) -> None:
    with pytest.raises(Bug):
        step_to_state(replace(accepted(), state=state), to, now=NOW, by="anyone", reason="")


def test_a_step_forgets_the_due_time_unless_it_gives_one() -> None:
    waiting = replace(accepted(), due_at=NOW)
    assert step_to_state(waiting, State.CANCELLED, now=NOW, by="ann", reason="").after.due_at is None


def test_the_journal_replays_to_the_state_and_a_gap_is_found() -> None:
    first = accepted()
    second = step_to_state(first, State.PRECHECKING, now=NOW, by="precheck", reason="")
    third = step_to_state(second.after, State.READY, now=NOW, by="precheck", reason="")
    journal = [first_journal_entry(first, by="intake", reason="batch b1"), second.entry, third.entry]
    assert replay_journal(journal) is State.READY
    with pytest.raises(Bug):
        replay_journal([journal[0], journal[2]])
    with pytest.raises(Bug):
        replay_journal([])


def test_every_state_ends_waits_for_a_person_or_is_driven() -> None:
    """Invariant 5: a state is terminal, or waits for a named person, or something drives it (tick, admission, sweep)."""
    looked_at = {*STAGE_OF, State.MIGRATING, State.RESTARTING, State.CONFIRMED} | ADMITTED
    assert set(State) == looked_at | TERMINAL | WAITING_FOR_A_PERSON
    assert not looked_at & TERMINAL


def test_every_state_can_be_reached_and_moving_states_can_fail() -> None:
    reached, edge = set[State](), {State.ACCEPTED}
    while edge:
        reached |= edge
        edge = {to for state in edge for to in TRANSITIONS[state]} - reached
    assert reached == set(State)
    assert all(State.FAILED in TRANSITIONS[state] for state in MOVING)


def test_a_row_reads_back_as_it_was_written() -> None:
    finding = Finding("Disk.Small", Severity.WARNING, "small", "1 GiB", "why", "remedy")
    migration = replace(
        accepted(),
        hops=(Hop("centos-7", "alinux-3"),),
        assessment=sorted_assessment([finding], {}),
        handle=DriverData("at-1", job_id="j-1", started_at=NOW),
        failure=Failure("migrate", "Job.Failed", "it failed", "retry"),
        due_at=NOW,
    )
    assert decode(Migration, encode(migration), "migration") == migration


def test_client_tokens_are_short_and_differ_by_hop_attempt_and_step() -> None:
    migration = replace(accepted(), migration_id="m" + "0" * 16)
    disk = "d-" + "x" * 20
    assert len(migration.client_token("snap", 12, 34, disk)) <= 64
    assert len({migration.client_token(step, hop, 1, disk) for step in ("snap", "job") for hop in (0, 1)}) == 4


def test_effects_are_due_since_the_state_or_since_a_later_confirmation() -> None:
    back = replace(accepted(), state=State.ROLLED_BACK)
    assert back.effects_due_since == NOW
    assert replace(back, released_at=NOW + timedelta(days=2)).effects_due_since == NOW + timedelta(days=2)
    assert replace(back, released_at=NOW - timedelta(days=2)).effects_due_since == NOW, "the confirmation came before the state"
