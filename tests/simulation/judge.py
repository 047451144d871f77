"""The judge: calls all checkers and keeps the violations that they report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulation.frames import Frame
from tests.simulation.invariants import Checker, Found, NeverStuck, Sight, all_checkers
from tests.simulation.truth import Change, Effect, Happening


@dataclass(frozen=True)
class Violation:
    """A violation: the number of the invariant, and the sentence."""

    number: int
    name: str
    sentence: str

    def __str__(self) -> str:
        return f"invariant {self.number} ({self.name}): {self.sentence}"


@dataclass
class Judge:
    """Calls all checkers and keeps the violations."""

    scene: Sight
    tell: Callable[[Violation], None] = lambda violation: None
    checkers: list[Checker] = field(default_factory=all_checkers)
    violations: list[Violation] = field(default_factory=list)

    def row(self, change: Change) -> None:
        for checker in self.checkers:
            self._note(checker, checker.row(change, self.scene))

    def effect(self, effect: Effect) -> None:
        if effect.operation == "StartReplicationJob" and effect.ours:
            job = self.scene.truth.smc.jobs.get(effect.params["JobId"])
            self.scene.moved.add(job["sim"]["instance_id"])
        for checker in self.checkers:
            self._note(checker, checker.effect(effect, self.scene))

    def happened(self, happening: Happening) -> None:
        for checker in self.checkers:
            self._note(checker, checker.happened(happening, self.scene))

    def invocation(self, frame: Frame, body: bytes) -> None:
        error = json.loads(body)
        for checker in self.checkers:
            self._note(checker, checker.invocation(frame, error, self.scene))

    def forgotten(self) -> None:
        for checker in self.checkers:
            self._note(checker, checker.forgotten(self.scene))

    def rest(self) -> None:
        for checker in self.checkers:
            self._note(checker, checker.rest(self.scene))

    def stuck(self, sentence: str) -> None:
        """Record a violation of invariant 5: the runner has waited long enough."""
        self._note(NeverStuck(), iter((sentence,)))

    def _note(self, checker: Checker, found: Found) -> None:
        for sentence in found:
            violation = Violation(checker.number, checker.name, sentence)
            self.violations.append(violation)
            self.tell(violation)
