"""The migrations' store under two writers, lost answers, crashes and indexes that lag: any order of them, found by Hypothesis."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from localcloud.account import service
from shared.domain.effects import CountOutcome, ReleaseSlot
from shared.domain.errors import Stale, Transient
from shared.domain.migration import TRANSITIONS, Migration, State, born, replay, step
from shared.ports.migrations import Outbox
from tests.simulation.simulation import prepared
from tests.support.ports import T0, Bench, bench, migration

WRITERS = st.sampled_from(("left", "right"))
LATER = T0 + timedelta(days=365)


class StoreMachine(RuleBasedStateMachine):
    """Two writers hold copies of one row, fresh or stale; the model is the number of steps that must stand in it."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(prepared())
        self.one: Bench = self.stack.enter_context(bench())
        self.rows = self.one.ports.migrations
        made = migration(1)
        self.rows.create(made, born(made, by="intake", reason="asked"), [])
        self.id = made.migration_id
        self.copies: dict[str, Migration] = dict.fromkeys(("left", "right"), made)
        self.version = 1
        self.owed: set[int] = set()

    def teardown(self) -> None:
        self.stack.close()

    @rule(writer=WRITERS)
    def read(self, writer: str) -> None:
        self.copies[writer] = self.rows.load(self.id)

    @rule(writer=WRITERS, pick=st.integers(0, 9), owes=st.booleans(), fault=st.sampled_from(["", "", "drop_after", "drop_before"]))
    def take_a_step(self, writer: str, pick: int, owes: bool, fault: str) -> None:
        before = self.copies[writer]
        ways = sorted(TRANSITIONS[before.state], key=lambda state: state.value)
        if not ways:
            return
        taken = step(before, ways[pick % len(ways)], now=T0, by=writer, reason="x", due_at=T0 if pick % 2 else None)
        effects = (ReleaseSlot(), CountOutcome("failed")) if owes else ()
        if fault:
            self.one.faults({"operation": "UpdateRow", "kind": fault, "times": 1})
        fresh = before.version == self.version
        try:
            self.rows.commit(replace(taken, effects=effects))
            assert fresh, "a stale copy was written"
        except Stale:
            assert not fresh, "a fresh copy was refused"
            return
        except Transient:
            self._after_doubt(taken.after.version)
        finally:
            self.one.faults()
        if self.rows.load(self.id).version == taken.after.version:
            self.version = taken.after.version
            self.owed |= {self.version} if owes else set()
            self.copies[writer] = self.rows.load(self.id)

    def _after_doubt(self, version: int) -> None:
        assert self.rows.load(self.id).version in (version, version - 1)

    @rule(writer=WRITERS)
    def settle_the_oldest(self, writer: str) -> None:
        owed: list[Outbox] = self.rows.outboxes(self.id)
        if owed:
            self.rows.settle(self.copies[writer], owed[0].version)
            self.owed.discard(owed[0].version)

    @rule(lag_ms=st.sampled_from([0, 0, 1000, 60_000]))
    def let_indexes_lag(self, lag_ms: int) -> None:
        service(self.one.world.cloud, "tablestore").set_index_lag(lag_ms)

    @rule(minutes=st.sampled_from([1, 5]))
    def pass_time(self, minutes: int) -> None:
        self.one.world.run(minutes)

    @invariant()
    def the_journal_leads_to_the_state(self) -> None:
        row = self.rows.load(self.id)
        assert (row.version, replay(self.rows.journal(self.id))) == (self.version, row.state)

    @invariant()
    def what_is_owed_is_known_and_found_by_the_tick(self) -> None:
        row = self.rows.load(self.id)
        assert set(row.owes) == self.owed
        service(self.one.world.cloud, "tablestore").set_index_lag(0)
        self.one.world.run(2)
        due = {each.migration_id for each in self.rows.due(LATER, 200)}
        # A row that waits for admission has a lane of its own; all others that owe something must be seen.
        driven = row.state is not State.READY and row.due_at is not None
        assert self.id in due or not (self.owed or driven), row


StoreMachine.TestCase.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestStoreMachine = StoreMachine.TestCase
