"""Retry policies: every loop that repeats a call takes its bounds from this table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class RetryPolicy:
    """``calls`` counts the first one. Pauses double from ``pause_s``; ``budget_s`` bounds their sum."""

    calls: int
    pause_s: float = 0.0
    longest_pause_s: float = 5.0
    budget_s: float = 10.0

    def pauses(self) -> tuple[float, ...]:
        """The pauses between the calls, in order, within the budget."""
        wanted = [min(self.pause_s * 2**number, self.longest_pause_s) for number in range(self.calls - 1)]
        return tuple(pause_s for pause_s, total_s in zip(wanted, accumulate(wanted), strict=True) if total_s <= self.budget_s)

    def pause_after(self, failed: int, *, waited_s: float = 0.0, asked_s: float | None = None) -> float | None:
        """Seconds to wait after this number of failed calls; None if the call is not repeated.

        ``asked_s`` is the wait that the other side asked for. It takes the place of the policy's own pause. If it exceeds the
        policy's budget, the attempts end, because a shorter wait would not help.
        """
        if asked_s is not None:
            allowed = failed < self.calls and asked_s <= self.longest_pause_s and waited_s + asked_s <= self.budget_s
            return asked_s if allowed else None
        pauses = self.pauses()
        return pauses[failed - 1] if failed <= len(pauses) else None


CLOUD_CALL = RetryPolicy(calls=4, pause_s=0.2)
"""One call of a service from a function. If it takes longer, the platform delivers the whole message again."""
CHECK_CALL = RetryPolicy(calls=3, pause_s=0.5, longest_pause_s=3)
"""One call of the store by the checks of the command line."""
API_BUSY = RetryPolicy(calls=4, longest_pause_s=60, budget_s=180)
"""A request of the command line that the API refused because there were too many (429)."""
LOST_RACE = RetryPolicy(calls=5)
"""Read, decide and write, after somebody else wrote in between."""
LOCK_RACE = RetryPolicy(calls=3)
"""Lock an instance: the holder may release the lock between our put and our read."""
AUDIT_RACE = RetryPolicy(calls=9)
"""Write one request's line in the audit, because the platform may repeat a request under the same id."""


@dataclass(frozen=True)
class Again:
    """An error after which the same call may succeed, with the wait that the other side asked for, if any."""

    asked_s: float | None = None


def repeat(
    policy: RetryPolicy,
    call: Callable[[int], Answer],
    worth: Callable[[Exception], Again | None],
    sleep: Callable[[float], None],
) -> Answer:
    """Call ``call`` with the number of the try (from 1) until it succeeds; returns its answer.

    Raises the last error, or the first that is not ``worth`` repeating.
    """
    waited_s = 0.0
    number = 1
    while True:
        try:
            return call(number)
        except Exception as error:
            again = worth(error)
            pause_s = policy.pause_after(number, waited_s=waited_s, asked_s=again.asked_s) if again else None
            if pause_s is None:
                raise
        if pause_s:
            sleep(pause_s)
        waited_s += pause_s
        number += 1
