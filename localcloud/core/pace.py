"""Virtual time at a steady speed: a number of seconds for each second of the machine, and none while nobody needs it. Pure."""

from __future__ import annotations

TURN_S = 1.0
"""How much of the machine's time goes by, at most, before the cloud's clock is moved: each move is a write to the disk."""
CATCH_UP_S = 2.0
"""Time stands still while a call or a function runs. What was lost then is caught up, up to this much of the machine's time."""
AWAKE_S = 300.0
"""How long time goes on after the last call from outside if nothing but timers waits."""


class Pace:
    """Says how far virtual time may run. ``wall_s`` is the machine's time, of any origin; it never goes back."""

    def __init__(self, speed: float, wall_s: float) -> None:
        self.speed = speed
        self._seen_s, self._awake_until_s = wall_s, wall_s + AWAKE_S
        self._earned_ms = 0.0
        self._now_ms = self._calls = 0

    def look(self, wall_s: float, now_ms: int, *, calls: int, work: bool) -> None:
        """Note how things stand. ``calls`` counts those from outside; ``work``: more than timers waits."""
        slept = self.asleep
        if work or calls != self._calls:
            self._awake_until_s = wall_s + AWAKE_S
        spent_ms = now_ms - self._now_ms
        earned_ms = 0.0 if slept else (wall_s - self._seen_s) * self.speed * 1000
        self._earned_ms = min(max(0.0, self._earned_ms - spent_ms) + earned_ms, CATCH_UP_S * self.speed * 1000)
        self._seen_s, self._now_ms, self._calls = wall_s, now_ms, calls

    def until_ms(self, due_ms: int | None) -> int:
        """The virtual moment to go to: the next thing due if it is within reach, else a turn further, else now."""
        reached = self._now_ms + int(self._earned_ms)
        if due_ms is not None and due_ms <= reached:
            return max(due_ms, self._now_ms)
        return reached if self._earned_ms >= TURN_S * self.speed * 1000 else self._now_ms

    @property
    def asleep(self) -> bool:
        """Whether time stands still until somebody calls."""
        return self._seen_s >= self._awake_until_s

    def wait_s(self, due_ms: int | None) -> float | None:
        """How long to wait before time has to move again; None: until something happens."""
        if self.asleep:
            return None
        turn_ms = TURN_S * self.speed * 1000
        next_ms = turn_ms if due_ms is None else min(turn_ms, due_ms - self._now_ms)
        return max((next_ms - self._earned_ms) / (self.speed * 1000), 0.001)
