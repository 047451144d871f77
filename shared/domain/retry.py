"""Retry policies. Every loop that repeats a call takes its bounds from this module."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import TypeVar

from shared.domain.record import dataclass

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class RetryPolicy:
    """The bounds of a repeated call. The field ``calls`` is the maximum number of calls, including the first. The pauses begin with
    ``pause_s`` and double; ``budget_s`` limits their sum.
    """

    calls: int
    pause_s: float = 0.0
    longest_pause_s: float = 5.0
    budget_s: float = 10.0

    def pauses_between_calls(self) -> tuple[float, ...]:
        """The pauses between the calls, in seconds and in order. The list of pauses ends when the budget is used up."""
        wanted = [min(self.pause_s * 2**number, self.longest_pause_s) for number in range(self.calls - 1)]
        return tuple(pause_s for pause_s, total_s in zip(wanted, accumulate(wanted), strict=True) if total_s <= self.budget_s)

    def interval_after_failures(self, failed: int, *, waited_s: float = 0.0, asked_s: float | None = None) -> float | None:
        """The pause in seconds after the given number of failed calls; None if the call is not repeated.

        If the service asked for a pause of ``asked_s`` seconds, that pause replaces the policy's pause. If that pause exceeds the
        policy's bounds, the call is not repeated, because a shorter pause would not help.
        """
        if asked_s is not None:
            allowed = failed < self.calls and asked_s <= self.longest_pause_s and waited_s + asked_s <= self.budget_s
            return asked_s if allowed else None
        pauses = self.pauses_between_calls()
        return pauses[failed - 1] if failed <= len(pauses) else None


CLOUD_CALL = RetryPolicy(calls=4, pause_s=0.2)
"""The policy for calls from a function to a cloud service. If all tries of a call fail, the platform delivers the whole message
again.
"""
CHECK_CALL = RetryPolicy(calls=3, pause_s=0.5, longest_pause_s=3)
"""The policy for calls to the store that the command line makes in its checks."""
API_BUSY = RetryPolicy(calls=4, longest_pause_s=60, budget_s=180)
"""The policy for a request of the command line that the API refused because of too many requests (429)."""
LOST_RACE = RetryPolicy(calls=5)
"""The policy for a sequence of read, decision and write that is repeated because somebody else wrote in between."""
LOCK_RACE = RetryPolicy(calls=3)
"""The policy for locking an instance. A repetition is needed if another migration releases the lock between a function's write and
its read.
"""
AUDIT_RACE = RetryPolicy(calls=9)
"""The policy for writing the audit line of a request. A repetition is needed because the platform may repeat a request under the
same id.
"""


@dataclass(frozen=True)
class RetryHint:
    """The hint that a failed call may succeed if it is repeated. If the service asked for a pause, ``asked_s`` is the length of
    this pause in seconds.
    """

    asked_s: float | None = None


def repeat_call(
    policy: RetryPolicy,
    call: Callable[[int], Answer],
    worth: Callable[[Exception], RetryHint | None],
    sleep: Callable[[float], None],
) -> Answer:
    """Repeat a call until the call succeeds, and return the answer. The function ``call`` gets the number of the try, counted from
    1.

    Raises the last error if all calls fail. If the function ``worth`` returns None for an error, the error is raised at once.
    """
    waited_s = 0.0
    number = 1
    while True:
        try:
            return call(number)
        except Exception as error:
            again = worth(error)
            pause_s = policy.interval_after_failures(number, waited_s=waited_s, asked_s=again.asked_s) if again else None
            if pause_s is None:
                raise
        if pause_s:
            sleep(pause_s)
        waited_s += pause_s
        number += 1
