"""The hostile scheduler: at every call, delivery and minute it may cause any fault that the scenario's rates allow."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from localcloud.core.app import Cloud
from localcloud.core.errors import ApiError, Dropped
from localcloud.core.http import Request, Response
from localcloud.core.scheduler import Job
from tests.simulation.invoker import Killed, SimInvoker

DEEPEST = 3
"""The maximum depth of nested invocations."""
SLOWEST_S = 240
TAKES_MS = (0, 40, 300, 1500, 4000)
"""The possible durations of a delivery without faults, in ms."""
MEANWHILE = 60
"""The maximum number of jobs that run during one slow call."""
Handle = Callable[[Request], Response]


@dataclass
class Chaos:
    """``allowed`` restricts the faults to some of the drawn ones (by number), to shrink a trace."""

    seed: int
    rates: dict[str, float]
    cloud: Cloud
    invoker: SimInvoker
    say: Callable[[str], None]
    aside: Callable[[], bool] = lambda: False
    """Carries out a person's act in the middle of a call. Returns whether there was an act to carry out."""
    again: Callable[[str, bytes], None] = lambda function, payload: None
    """Queues a second copy of a message for a function."""
    allowed: Callable[[int], bool] = lambda number: True
    on: bool = False
    decided: int = 0
    done: list[int] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    """The calls of ECS that failed by a fault: the caller, the operation and its parameters."""

    def __post_init__(self) -> None:
        self.rng = random.Random(f"chaos:{self.seed}")
        self._call = ""

    def hits(self, kind: str, *, scale: float = 1.0) -> bool:
        """Whether a fault of this kind happens now."""
        rate = self.rates.get(kind, 0.0) * scale
        if not self.on or not rate or self.rng.random() >= rate:
            return False
        self.decided += 1
        if not self.allowed(self.decided):
            return False
        self.injected[kind] += 1
        self.done.append(self.decided)
        return True

    def take_back(self, kind: str) -> None:
        """Undo the last drawn fault: it had no target, so nothing was injected."""
        self.injected[kind] -= 1

    def attach(self) -> None:
        """Intercept all calls between the product and the cloud from now on."""
        cloud = self.cloud
        cloud.faults.strike = self._strike  # type: ignore[method-assign]
        cloud.hooks.plan_delivery = self._plan
        due = cloud.scheduler.due

        def shuffled(now_ms: int, limit: int = 64) -> list[Job]:
            jobs = due(now_ms, limit)
            if limit == 1 and len(jobs) == 1 and self.on and self.rates.get("shuffle"):
                others = due(now_ms, 8)
                if len(others) > 1 and self.hits("shuffle"):
                    chosen = self.rng.choice(others)
                    if chosen.seq == jobs[0].seq:
                        self.take_back("shuffle")
                    return [chosen]
            return jobs

        cloud.scheduler.due = shuffled  # type: ignore[method-assign]

    # Calls --------------------------------------------------------------------------------------------------------

    def around(self, handle: Handle) -> Handle:
        """The transport of every SDK. Before and after a call, the function may die, wait, or be overtaken by other work."""

        def handled(request: Request) -> Response:
            if not self.invoker.frames or not self.on:
                return handle(request)
            self.invoker.frames[-1].calls += 1
            self._before()
            response = handle(request)
            if self.hits("kill_after"):
                self._kill("after")
            return response

        return handled

    def _before(self) -> None:
        if self.hits("kill_before"):
            self._kill("before")
        if len(self.invoker.frames) >= DEEPEST:
            return
        if self.hits("interleave") and not self._interleave():
            self.take_back("interleave")
        if self.hits("slow") and not self._slow():
            self.take_back("slow")

    def _kill(self, side: str) -> None:
        frame = self.invoker.frames[-1]
        self.say(f"FAULT kill {frame.function} {side} its call {frame.calls}")
        raise Killed

    def _interleave(self) -> bool:
        """Let something else happen first, if there is anything: a second copy of the message, the next due job, or a
        person's act.
        """
        self.say("FAULT interleave")
        frame, chosen = self.invoker.frames[-1], self.rng.random()
        if chosen < 0.2:
            return self.aside()
        if chosen < 0.6 and frame.function != "api":
            with self.cloud.lock, self.cloud.db.transaction():
                self.again(frame.function, frame.payload)
        return self._job()

    def _job(self) -> bool:
        now = self.cloud.clock.now_ms()
        if not self.cloud.scheduler.due(now, limit=1):
            return False
        return self.cloud.step(now)

    def _slow(self) -> bool:
        """Let the call take minutes of virtual time. It never takes longer than the function may still run."""
        frame = self.invoker.frames[-1]
        left = frame.timeout_s - (self.cloud.clock.now_ms() - frame.now_ms) / 1000 - 1
        if left < 2 or not hasattr(self.cloud.clock, "advance_to"):
            return False
        seconds = self.rng.uniform(1, min(SLOWEST_S, left))
        self.say(f"FAULT slow {frame.function} {seconds:.0f}s")
        end = self.cloud.clock.now_ms() + round(seconds * 1000)
        for _ in range(MEANWHILE):
            due = self.cloud.scheduler.next_due_ms()
            if due is None or due > end:
                break
            self.cloud.clock.advance_to(due)
            self._job()
        self.cloud.clock.advance_to(end)
        return True

    def _strike(self, when: str, service: str, operation: str, principal: str, summary: str) -> None:
        """Replaces ``Faults.strike``: only calls of functions, and deliveries, get faults."""
        if not self.on or not (principal.startswith("role:") or operation == "Deliver"):
            return
        self._call = f"{principal} {operation} {summary}"
        if when == "after":
            for kind in ("drop_after", "error_after"):
                if self.hits(kind):
                    self._fail(kind, service, operation)
        else:
            for kind in ("throttle", "error", "drop_before"):
                if self.hits(kind):
                    self._fail(kind, service, operation)
            if service in ("ecs", "smc") and self.hits("denied"):
                self._fail("denied", service, operation)
            if operation == "ResetDisk" and self.hits("reset_denied"):
                self._fail("denied", service, operation)

    def _fail(self, kind: str, service: str, operation: str) -> None:
        self.say(f"FAULT {kind} {service}.{operation}")
        if service == "ecs":
            self.failed.append(self._call)
        if kind.startswith("drop"):
            raise Dropped(kind)
        if kind == "denied":
            raise ApiError("Forbidden.Withdrawn", "The role may not do this any more.", 403)
        if kind == "throttle":
            raise ApiError("OTSServerBusy" if service == "tablestore" else "Throttling.User", "Too many requests.", 503)
        code = {"tablestore": "OTSInternalServerError"}.get(service, "InternalError")
        raise ApiError(code, "Something went wrong inside.", 500)

    # Deliveries ---------------------------------------------------------------------------------------------------

    def _plan(self, event: dict[str, Any], rule: str, target: str) -> tuple[int, ...]:
        delays = [self.rng.choice(TAKES_MS)]
        if self.hits("lose"):
            self.say(f"FAULT lose {event['id']} for {rule}")
            return ()
        if self.hits("duplicate"):
            delays += [self._pause() for _ in range(self.rng.randint(1, 2))]
            self.say(f"FAULT duplicate {event['id']} for {rule} at {delays}")
        if self.hits("delay"):
            pause = self._pause()
            delays[0] += pause
            if not pause:
                self.take_back("delay")
            self.say(f"FAULT delay {event['id']} for {rule} by {delays[0]} ms")
        return tuple(delays)

    def _pause(self) -> int:
        return self.rng.choice((0, 50, 1000, 20_000, 90_000, 600_000, 3_600_000))
