"""The migrations' store under two writers, lost answers, crashes and lagging indexes, in any order that Hypothesis finds.

While an index lags, only safety is asserted: a row's history, its outbox, its place on the tick's lane, and that the tick sees
nothing that is not due. That the tick finds what is due is asserted only after the indexes have caught up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from localcloud.account import service
from shared.adapters import tables
from shared.adapters.clock import epoch_milliseconds
from shared.adapters.migrations import TablestoreMigrations
from shared.adapters.store import LowestKey, RowRange
from shared.domain.effects import CountOutcome, ReleaseSlot
from shared.domain.errors import Stale, Transient
from shared.domain.migration import ADMITTED, TRANSITIONS, Migration, State, first_journal_entry, replay_journal, step_to_state
from shared.domain.timing import OUTBOX_GRACE
from tests.simulation.simulation import prepared
from tests.support.ports import T0, Bench, bench, migration

WRITERS = st.sampled_from(("left", "right"))
FAULTS = st.sampled_from(("", "", "drop_after", "drop_before"))
TIMES = st.sampled_from((1, 9))
"""How often an answer is lost. Once: the call is sent again, and its effect is read back. Nine times: the writer never learns
the result.
"""
MUCH_LATER = T0 + timedelta(days=10)
DUE = st.sampled_from((None, None, T0, MUCH_LATER))
LOOKS = st.sampled_from((T0 + timedelta(days=1), MUCH_LATER, T0 - timedelta(minutes=1)))
MET: Counter[str] = Counter()
"""The situations that occurred in the runs, checked at the end: a machine that never meets them proves nothing."""


class StoreMachine(RuleBasedStateMachine):
    """Two writers hold copies of one row, fresh or stale. The model is the row's number of steps and its outbox."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(prepared())
        self.one: Bench = self.stack.enter_context(bench())
        assert isinstance(self.one.ports.migrations, TablestoreMigrations)
        self.rows = self.one.ports.migrations
        self.tablestore = service(self.one.world.cloud, "tablestore")
        made = migration(1)
        self.rows.create(made, first_journal_entry(made, by="intake", reason="asked"), [])
        self.id = made.migration_id
        self.copies: dict[str, Migration] = dict.fromkeys(("left", "right"), made)
        self.version = 1
        self.owed: set[int] = set()
        self.lagging = False

    def teardown(self) -> None:
        try:
            self.catch_up()
            self.look(MUCH_LATER)
            for owed in self.rows.outboxes(self.id):
                self.rows.remove_outbox(self.rows.load(self.id), owed.version)
                self.owed.discard(owed.version)
            self.look(MUCH_LATER)
        finally:
            self.stack.close()

    @rule(writer=WRITERS)
    def read(self, writer: str) -> None:
        self.copies[writer] = self.rows.load(self.id)

    @rule(writer=WRITERS, pick=st.integers(0, 9), owes=st.sampled_from((True, True, False)), due=DUE, fault=FAULTS, times=TIMES)
    def take_a_step(self, writer: str, pick: int, owes: bool, due: datetime | None, fault: str, times: int) -> None:
        before = self.copies[writer]
        ways = sorted(TRANSITIONS[before.state], key=lambda state: state.value)
        if not ways:
            return
        taken = step_to_state(before, ways[pick % len(ways)], now=T0, by=writer, reason="x", due_at=due)
        taken = replace(taken, effects=(ReleaseSlot(), CountOutcome("failed")) if owes else ())
        fresh, stands = before.version == self.version, True
        try:
            with self._struck(fault, times):
                self.rows.commit(taken)
            assert fresh, "a stale copy was written"
            MET["sent again and told apart"] += bool(fault)
        except Stale:
            assert not fresh, "a fresh copy was refused"
            MET["refused, also when sent again"] += bool(fault)
            return
        except Transient:
            stands = fresh and fault == "drop_after"
            MET["in doubt, and it stood" if stands else "in doubt, and it did not stand"] += 1
        if stands:
            self.version += 1
            self.owed |= {self.version} if owes else set()
        self.copies[writer] = self.rows.load(self.id)
        self._look_while_lagging()

    @rule(writer=WRITERS, fault=FAULTS, times=TIMES)
    def settle_the_oldest(self, writer: str, fault: str, times: int) -> None:
        if not self.owed:
            return
        oldest = min(self.owed)
        try:
            with self._struck(fault, times):
                self.rows.remove_outbox(self.copies[writer], oldest)
            self.owed.discard(oldest)
        except Transient:
            MET["a settlement in doubt"] += 1
            # Dropped before the effect: nothing was written. Dropped after: the last call was carried out.
            assert self._owes() in (self.owed, self.owed - {oldest})
            self.owed = self._owes()
        self._look_while_lagging()

    @initialize(lag_ms=st.sampled_from([0, 60_000]), owes=st.booleans())
    def begin(self, lag_ms: int, owes: bool) -> None:
        """Begin with the row on the lane and visible, before any index lags; or with the row not yet there."""
        self.take_a_step(writer="left", pick=1, owes=owes, due=None, fault="", times=1)
        self.let_indexes_lag(lag_ms)

    @rule(lag_ms=st.sampled_from([1000, 60_000]))
    def let_indexes_lag(self, lag_ms: int) -> None:
        self.tablestore.set_index_lag(lag_ms)
        self.lagging = self.lagging or lag_ms > 0

    @rule(at=LOOKS)
    def look(self, at: datetime) -> None:
        """The tick's look: it never sees a row that is not due, and sees all due rows once the indexes have caught up."""
        row, (lane, due_ms) = self.rows.load(self.id), self._place()
        driven = row.state not in ADMITTED | {State.CONFIRMED} and row.due_at is not None
        wanted = lane == tables.DRIVE and due_ms <= epoch_milliseconds(at) and bool(self.owed or driven)
        shown = self._indexed(at)
        found = self.id in {each.migration_id for each in self.rows.list_due_and_postpone_unreadable(at, 200)}
        assert wanted or not found, ("the tick was shown what is not due", row)
        assert found or not wanted or self.lagging, ("the tick did not find what is due", row)
        MET["hidden by a lag"] += wanted and not found
        MET["shown by a lag, and seen through"] += shown and not wanted
        MET["found"] += found

    def _look_while_lagging(self) -> None:
        """Look at once, before the entries follow. A separate rule would seldom run in time."""
        if self.lagging:
            self.look(MUCH_LATER)

    @rule(enough=st.booleans())
    def pass_time(self, enough: bool) -> None:
        """Let two seconds pass, after which some entries may have followed; or enough time for all of them."""
        if enough:
            self.catch_up()
        else:
            self.one.world.run_until_ms(self.one.world.cloud.clock.now_ms() + 2000)

    def catch_up(self) -> None:
        self.tablestore.set_index_lag(0)
        self.one.world.run(2)
        self.lagging = False

    @invariant()
    def the_row_is_as_its_steps_left_it(self) -> None:
        """Check the journal, the state, the outbox and the lane. All are in the row itself, so a lag excuses nothing."""
        row, (lane, due_ms) = self.rows.load(self.id), self._place()
        assert (row.version, replay_journal(self.rows.journal(self.id))) == (self.version, row.state)
        assert self._owes() == self.owed == set(row.owes)
        if self.owed:
            assert (lane, due_ms) == (tables.DRIVE, epoch_milliseconds(T0 + OUTBOX_GRACE)), row
        elif row.state in ADMITTED or (row.state is State.CONFIRMED and row.due_at is not None):
            assert lane, row  # the tick's time at first; the row's own once the tick has seen that the outbox is settled
        elif row.due_at is not None:
            assert lane == tables.DRIVE, row
            assert due_ms <= epoch_milliseconds(max(row.due_at, T0 + OUTBOX_GRACE)), row

    def _owes(self) -> set[int]:
        return {owed.version for owed in self.rows.outboxes(self.id)}

    def _place(self) -> tuple[str, int]:
        """The row's lane and its time there, from the table."""
        row = self.rows._store.get(tables.MIGRATIONS, (("migration_id", self.id),), ("due_lane", "due_at")) or {}
        return str(row.get("due_lane", "")), int(row.get("due_at", 0))

    def _indexed(self, at: datetime) -> bool:
        """Whether the index, as it is now, lists the row as due."""
        lane = ("due_lane", tables.DRIVE)
        start = (lane, ("due_at", LowestKey), ("migration_id", LowestKey))
        end = (lane, ("due_at", epoch_milliseconds(at) + 1), ("migration_id", LowestKey))
        return bool(self.rows._store.read_range(RowRange(tables.BY_DUE, start, end), limit=200)[0])

    @contextmanager
    def _struck(self, fault: str, times: int) -> Iterator[None]:
        """Lose answers. If a doubt is to remain, the read that would end it gets no answer either."""
        unread = {"operation": "GetRow", "kind": "drop_before", "times": times}
        if fault:
            self.one.faults({"operation": "UpdateRow", "kind": fault, "times": times}, *([unread] if times > 1 else []))
        try:
            yield
        finally:
            self.one.faults()


StoreMachine.TestCase.settings = settings(
    max_examples=70, stateful_step_count=30, derandomize=True, suppress_health_check=list(HealthCheck)
)


class TestStoreMachine(StoreMachine.TestCase):  # type: ignore[misc,valid-type]  # made by Hypothesis, of no type known
    """Runs the machine, and then checks that the runs met all situations."""

    def runTest(self) -> None:
        super().runTest()
        expected = {
            "in doubt, and it stood",
            "in doubt, and it did not stand",
            "hidden by a lag",
            "shown by a lag, and seen through",
            "found",
        }
        assert expected - set(+MET) == set(), MET
