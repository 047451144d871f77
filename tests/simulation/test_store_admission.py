"""Locks, slots and the hold under concurrent writers, lost answers, and other calls in between.

Hypothesis searches the orders of these calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.adapters import tables
from shared.adapters.admission import TablestoreAdmission
from shared.domain.errors import Transient
from shared.domain.hold import HoldHistoryEntry
from shared.ports.admission import Admission, SlotUse
from tests.simulation.simulation import prepared
from tests.support.fakes import FakeAdmission
from tests.support.ports import T0, Bench, bench

LIMIT = 2
BATCHES = {"ma": "b1", "mb": "b2", "mc": "b1"}
NAMES = tuple(BATCHES)
WHERE = ("cn-hangzhou", "i-1")
HOLD = (("lock_id", "hold"),)
MIGRATIONS, LATE = st.sampled_from(("ma", *NAMES)), st.sampled_from((0, 0, 1, -1))
"""A late call belongs to an earlier attempt: it is a duplicate, or its delivery was slow. The value -1 starts the next attempt."""
ENDS = st.sampled_from((0, 1))
OTHERS = st.tuples(st.sampled_from(("lock", "unlock")), st.sampled_from(("", "", "mb")), st.sampled_from((-1, -1, 0)))
"""An act that comes in between. Without a name it is of the same migration, usually of its next attempt."""
LOST = st.sampled_from(("", "drop_after", "drop_before"))
TROUBLE = st.sampled_from(("", "drop_after", "drop_before", "between", "drop_after between"))
TIMES = st.sampled_from((1, 9))
BY_HAND: tuple[dict[str, Any], ...] = ({"state": "held"}, {"state": "stop"}, {"state": "released", "version": "x"}, {"version": 3})
"""What a person may write into the hold's row in the Tablestore console."""
MET: Counter[str] = Counter()
"""The situations that occurred in the runs; checked at the end."""

Act = Callable[[Admission], Any]
Other = tuple[str, str, int]


class AdmissionMachine(RuleBasedStateMachine):
    """One instance's lock and the account's slots. The model is the fake, which must pass the port's contract too.

    An act leads to the state after it. If its answer is lost for good, the state before is also allowed. If another act comes in
    the middle of its calls, the result of either order is allowed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(prepared())
        self.one: Bench = self.stack.enter_context(bench("api"))
        assert isinstance(self.one.ports.admission, TablestoreAdmission)
        self.real = self.one.ports.admission
        self.model = FakeAdmission()
        self.attempt = dict.fromkeys(NAMES, 1)
        self.pictures: list[dict[str, SlotUse]] = [rooms(self.model)]
        self.holds, self.acts = [self.model.current_hold()], 0

    def teardown(self) -> None:
        self.stack.close()

    @rule(name=MIGRATIONS, late=LATE, trouble=TROUBLE, times=TIMES, other=OTHERS)
    def lock(self, name: str, late: int, trouble: str, times: int, other: Other) -> None:
        self._do(self._made("lock", name, late), trouble, times, self._other(name, other))

    @rule(name=MIGRATIONS, late=ENDS, trouble=TROUBLE, times=TIMES, other=OTHERS)
    def unlock(self, name: str, late: int, trouble: str, times: int, other: Other) -> None:
        self._do(self._made("unlock", name, late), trouble, times, self._other(name, other))

    @rule(name=MIGRATIONS, late=LATE, trouble=LOST, times=TIMES, age=st.integers(0, 2))
    def take_slot(self, name: str, late: int, trouble: str, times: int, age: int) -> None:
        """Take a slot, with a picture just read or an older one."""
        self.pictures.append(rooms(self.real))
        self._do(self._made("take", name, late, age), trouble, times)

    @rule(name=MIGRATIONS, late=ENDS, trouble=LOST, times=TIMES)
    def release_slot(self, name: str, late: int, trouble: str, times: int) -> None:
        self._do(self._made("give", name, late), trouble, times)

    @rule(name=MIGRATIONS, trouble=LOST, times=TIMES)
    def forget(self, name: str, trouble: str, times: int) -> None:
        """Drop a batch when it is closed, whether or not one of its migrations holds a slot."""
        self._do(lambda admission: admission.delete_slot_count(BATCHES[name]), trouble, times)

    @rule(act=st.sampled_from(("hold", "release")), age=st.integers(0, 2), trouble=LOST, times=TIMES)
    def set_or_release_hold(self, act: str, age: int, trouble: str, times: int) -> None:
        """A person sets or releases the hold, by a current or an older view."""
        self.holds.append(self.real.current_hold())
        self.acts += 1
        seen, line = self.holds[-1 - min(age, len(self.holds) - 1)], HoldHistoryEntry(act, f"p{self.acts}", T0, "")
        self._do(lambda admission: admission.set_or_release_hold(seen, line), trouble, times)

    @rule(columns=st.sampled_from(BY_HAND))
    def set_hold_by_hand(self, columns: dict[str, Any]) -> None:
        """A person writes the row in the Tablestore console, without any check."""
        self.real._store.put(tables.LOCKS, HOLD, columns)
        self.model.row = dict(columns)

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        assert self._held() == state_of(self.model)
        assert len(self.model.held) <= LIMIT, self.model

    def _made(self, kind: str, name: str, late: int, age: int = 0) -> Act:
        """An act of a migration's attempt. A slot is taken only if the picture shows room, as all callers do."""
        self.attempt[name] -= min(late, 0)
        attempt = max(1, self.attempt[name] - max(late, 0))
        seen = self.pictures[-1 - min(age, len(self.pictures) - 1)][name]
        room = seen.of_account - bool(seen.since) < LIMIT
        acts: dict[str, Act] = {
            "lock": lambda admission: admission.acquire_instance_lock(*WHERE, name, attempt),
            "unlock": lambda admission: admission.release_instance_lock(*WHERE, name, attempt),
            "take": lambda admission: room and took(admission, seen, name, attempt),
            "give": lambda admission: admission.release_slot(name, BATCHES[name], attempt),
        }
        return acts[kind]

    def _other(self, name: str, other: Other) -> Act:
        kind, another, late = other
        return self._made(kind, another or name, late)

    def _do(self, act: Act, trouble: str, times: int, other: Act = lambda admission: None) -> None:
        answer: Any = Transient
        with self._troubled(trouble, times, other) as came:
            try:
                answer = act(self.real)
            except Transient:
                MET["never answered"] += 1
        MET["another in between"] += bool(came)
        self._follow([(act, other), (other, act)] if came else [(act,)], act, answer)

    def _follow(self, ways: list[tuple[Act, ...]], act: Act, answer: Any) -> None:
        """Bring the model to the store's state by one of the allowed ways. Fail if none leads there."""
        held, before = self._held(), self.model
        for way in ways:
            model = copied(before)
            answers = {id(each): each(model) for each in way}
            if state_of(model) == held and (answer is Transient or answers[id(act)] == answer):
                MET["changed by an act never answered"] += answer is Transient and held != state_of(before)
                self.model = model
                return
        assert (answer, held) == (Transient, state_of(before)), before

    @contextmanager
    def _troubled(self, trouble: str, times: int, other: Act) -> Iterator[list[int]]:
        """Lose answers, or insert another act before the second call. Yields the inserted acts."""
        came: list[int] = []
        send = self.real._store._send_request
        if trouble.startswith("drop"):
            lost = 1 if "between" in trouble else times
            self.one.faults({"service": "tablestore", "kind": trouble.split()[0], "times": lost})
        sends: list[Callable[..., Any]] = [send, self._after(other, came)] if "between" in trouble else []
        with mock.patch.object(self.real._store, "_send_request", _in_turn(sends, send)):
            yield came
        self.one.faults()

    def _after(self, other: Act, came: list[int]) -> Callable[..., Any]:
        """The store's send function, preceded by another complete act."""
        send = self.real._store._send_request

        def sent(*arguments: Any, **options: Any) -> Any:
            came.append(1)
            other(self.real)
            return send(*arguments, **options)

        return sent

    def _held(self) -> tuple[Any, ...]:
        row = self.real._store.get(tables.LOCKS, (("lock_id", "instance:" + ":".join(WHERE)),)) or {}
        return row.get("lease"), self.real.repair_counts_and_list_slot_holders(), rooms(self.real), self.real.current_hold()


def rooms(admission: Admission) -> dict[str, SlotUse]:
    """The free room as each migration sees it."""
    return {name: admission.slot_use(BATCHES[name], name) for name in NAMES}


def took(admission: Admission, seen: SlotUse, name: str, attempt: int) -> bool:
    """Whether the attempt has its slot afterwards. A repeated call finds the slot even if the picture is too old to take one."""
    return admission.take_slot(seen, name, BATCHES[name], attempt) or admission.slot_use(
        BATCHES[name], name
    ).is_held_by_this_or_later_attempt(attempt)


def _in_turn(sends: list[Callable[..., Any]], last: Callable[..., Any]) -> Callable[..., Any]:
    """Use each of these for one call, and the last one for all later calls."""
    return lambda *arguments, **options: (sends.pop(0) if sends else last)(*arguments, **options)


def state_of(model: FakeAdmission) -> tuple[Any, ...]:
    """The lease as the table stores it, the slots, and the hold."""
    lease = model.leases.get(("", *WHERE))
    return (
        f"{lease[0]}/{lease[1]}" if lease else None,
        model.repair_counts_and_list_slot_holders(),
        rooms(model),
        model.current_hold(),
    )


def copied(model: FakeAdmission) -> FakeAdmission:
    """An independent copy of the model."""
    return replace(
        model, leases=dict(model.leases), held=dict(model.held), since=dict(model.since), row=model.row and dict(model.row)
    )


AdmissionMachine.TestCase.settings = settings(
    max_examples=50, stateful_step_count=30, derandomize=True, suppress_health_check=list(HealthCheck)
)


class TestAdmissionMachine(AdmissionMachine.TestCase):  # type: ignore[misc,valid-type]  # made by Hypothesis, of no type known
    """Runs the machine, and then checks that the runs met all situations."""

    def runTest(self) -> None:
        super().runTest()
        expected = {"never answered", "changed by an act never answered", "another in between"}
        assert expected - set(+MET) == set(), MET
