"""Locks, slots and the hold under concurrent takers, lost answers, and calls of others in between.

Hypothesis finds the order of them.
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
"""A late call is one of the attempt before: a duplicate, or a delivery that was slow. One of -1 begins the next attempt."""
ENDS = st.sampled_from((0, 1))
OTHERS = st.tuples(st.sampled_from(("lock", "unlock")), st.sampled_from(("", "", "mb")), st.sampled_from((-1, -1, 0)))
"""An act that comes in between; of the same migration where no name is given, and of its next attempt as a rule."""
LOST = st.sampled_from(("", "drop_after", "drop_before"))
TROUBLE = st.sampled_from(("", "drop_after", "drop_before", "between", "drop_after between"))
TIMES = st.sampled_from((1, 9))
BY_HAND: tuple[dict[str, Any], ...] = ({"state": "held"}, {"state": "stop"}, {"state": "released", "version": "x"}, {"version": 3})
"""What a person may write into the row of the hold in the Tablestore console."""
MET: Counter[str] = Counter()
"""What the runs came across, asked at the end."""

Act = Callable[[Admission], Any]
Other = tuple[str, str, int]


class AdmissionMachine(RuleBasedStateMachine):
    """One instance's lock and the account's slots; the model is the fake, which the port's contract holds to the same promises.

    An act is followed by the state it leads to; with an answer lost for good also by the state before; with another's act in the
    middle of its calls by what one of the two orders leads to.
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
        """On a picture just read or an older one."""
        self.pictures.append(rooms(self.real))
        self._do(self._made("take", name, late, age), trouble, times)

    @rule(name=MIGRATIONS, late=ENDS, trouble=LOST, times=TIMES)
    def release_slot(self, name: str, late: int, trouble: str, times: int) -> None:
        self._do(self._made("give", name, late), trouble, times)

    @rule(name=MIGRATIONS, trouble=LOST, times=TIMES)
    def forget(self, name: str, trouble: str, times: int) -> None:
        """When its batch is closed, whether or not one of it holds a slot."""
        self._do(lambda admission: admission.delete_slot_count(BATCHES[name]), trouble, times)

    @rule(act=st.sampled_from(("hold", "release")), age=st.integers(0, 2), trouble=LOST, times=TIMES)
    def write_hold(self, act: str, age: int, trouble: str, times: int) -> None:
        """By a person who looked just now, or a while ago."""
        self.holds.append(self.real.current_hold())
        self.acts += 1
        seen, line = self.holds[-1 - min(age, len(self.holds) - 1)], HoldHistoryEntry(act, f"p{self.acts}", T0, "")
        self._do(lambda admission: admission.write_hold(seen, line), trouble, times)

    @rule(columns=st.sampled_from(BY_HAND))
    def set_hold_by_hand(self, columns: dict[str, Any]) -> None:
        """A person in the Tablestore console asks nobody."""
        self.real._store.put(tables.LOCKS, HOLD, columns)
        self.model.row = dict(columns)

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        assert self._held() == state_of(self.model)
        assert len(self.model.held) <= LIMIT, self.model

    def _made(self, kind: str, name: str, late: int, age: int = 0) -> Act:
        """An act of a migration's attempt. A slot is taken only where the picture has room, as every taker does."""
        self.attempt[name] -= min(late, 0)
        attempt = max(1, self.attempt[name] - max(late, 0))
        seen = self.pictures[-1 - min(age, len(self.pictures) - 1)][name]
        room = seen.of_account - bool(seen.since) < LIMIT
        acts: dict[str, Act] = {
            "lock": lambda admission: admission.lock_instance(*WHERE, name, attempt),
            "unlock": lambda admission: admission.unlock_instance(*WHERE, name, attempt),
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
        """Take the model to where the store is, by one of the ways that lead there; fail if none does."""
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
        """Answers are lost, or another's act comes before the second call of this one; yields what came in between."""
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
        """The store's send, another's whole act before it."""
        send = self.real._store._send_request

        def sent(*arguments: Any, **options: Any) -> Any:
            came.append(1)
            other(self.real)
            return send(*arguments, **options)

        return sent

    def _held(self) -> tuple[Any, ...]:
        row = self.real._store.get(tables.LOCKS, (("lock_id", "instance:" + ":".join(WHERE)),)) or {}
        return row.get("lease"), self.real.slot_holders(), rooms(self.real), self.real.current_hold()


def rooms(admission: Admission) -> dict[str, SlotUse]:
    """The room as each migration sees it."""
    return {name: admission.slot_use(BATCHES[name], name) for name in NAMES}


def took(admission: Admission, seen: SlotUse, name: str, attempt: int) -> bool:
    """Whether the attempt has its slot afterwards: a call sent again finds it even on a picture too old to take one."""
    return admission.take_slot(seen, name, BATCHES[name], attempt) or admission.slot_use(BATCHES[name], name).is_held_since_attempt(
        attempt
    )


def _in_turn(sends: list[Callable[..., Any]], last: Callable[..., Any]) -> Callable[..., Any]:
    """Each of these for one call, and the last for all that follow."""
    return lambda *arguments, **options: (sends.pop(0) if sends else last)(*arguments, **options)


def state_of(model: FakeAdmission) -> tuple[Any, ...]:
    """The lease as the table writes it, the slots, and the hold."""
    lease = model.leases.get(("", *WHERE))
    return f"{lease[0]}/{lease[1]}" if lease else None, model.slot_holders(), rooms(model), model.current_hold()


def copied(model: FakeAdmission) -> FakeAdmission:
    """A model that goes its own way."""
    return replace(
        model, leases=dict(model.leases), held=dict(model.held), since=dict(model.since), row=model.row and dict(model.row)
    )


AdmissionMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=30, derandomize=True, suppress_health_check=list(HealthCheck)
)


class TestAdmissionMachine(AdmissionMachine.TestCase):  # type: ignore[misc,valid-type]  # made by Hypothesis, of no type known
    """The runs, and then whether they came across what they are for."""

    def runTest(self) -> None:
        super().runTest()
        expected = {"never answered", "changed by an act never answered", "another in between"}
        assert expected - set(+MET) == set(), MET
