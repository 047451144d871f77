"""Virtual time at a steady speed: a fixed number of virtual seconds per real second, and none while nobody needs time. Pure."""

from __future__ import annotations

TURN_S = 1.0
"""The longest real time between two moves of the cloud's clock, in seconds. Each move is a write to the disk."""
CATCH_UP_S = 2.0
"""Virtual time stands still during a call or a function. Afterwards it catches up on the loss, at most this much real time, in
seconds.
"""
AWAKE_S = 300.0
"""How long virtual time runs on after the last call from outside if only timers wait, in real seconds."""


class Pace:
    """Says how far virtual time may run. ``wall_s`` is the machine's time, of any origin, and never goes back."""

    def __init__(self, speed: float, wall_s: float) -> None:
        self.speed = speed
        self._seen_s, self._awake_until_s = wall_s, wall_s + AWAKE_S
        self._earned_ms = 0.0
        self._now_ms = self._calls = 0

    def look(self, wall_s: float, now_ms: int, *, calls: int, work: bool) -> None:
        """Record the current state. ``calls`` counts calls from outside; ``work`` is true if more than timers waits."""
        slept = self.asleep
        if work or calls != self._calls:
            self._awake_until_s = wall_s + AWAKE_S
        spent_ms = now_ms - self._now_ms
        earned_ms = 0.0 if slept else (wall_s - self._seen_s) * self.speed * 1000
        self._earned_ms = min(max(0.0, self._earned_ms - spent_ms) + earned_ms, CATCH_UP_S * self.speed * 1000)
        self._seen_s, self._now_ms, self._calls = wall_s, now_ms, calls

    def until_ms(self, due_ms: int | None) -> int:
        """The virtual moment to move to: the next due job if it is within reach, else one turn later, else now."""
        reached = self._now_ms + int(self._earned_ms)
        if due_ms is not None and due_ms <= reached:
            return max(due_ms, self._now_ms)
        return reached if self._earned_ms >= TURN_S * self.speed * 1000 else self._now_ms

    @property
    def asleep(self) -> bool:
        """Whether virtual time stands still until the next call."""
        return self._seen_s >= self._awake_until_s

    def wait_s(self, due_ms: int | None) -> float | None:
        """How long to wait until time has to move again, in seconds. None means until a call comes."""
        if self.asleep:
            return None
        turn_ms = TURN_S * self.speed * 1000
        next_ms = turn_ms if due_ms is None else min(turn_ms, due_ms - self._now_ms)
        return max((next_ms - self._earned_ms) / (self.speed * 1000), 0.001)
