"""The thread that drives the cloud's time: it does what is due. With nothing due, virtual time jumps or runs at a set speed."""

from __future__ import annotations

import threading
import time
import traceback
from contextlib import suppress

from localcloud.core.app import Cloud
from localcloud.core.pace import Pace
from localcloud.core.state import StateUnwritable

IDLE_LIMIT_MS = 30 * 24 * 3600 * 1000
"""How far virtual time runs after the last call from outside if only timers are due."""


class Pump(threading.Thread):
    """Calls the cloud's ``step`` until ``stop``.

    On hold, virtual time moves only by ``advance``. With a speed, virtual time runs that many times as fast as real time; without a
    speed it jumps.
    """

    def __init__(self, cloud: Cloud, *, hold: bool = False, speed: float | None = None, idle_limit_ms: int = IDLE_LIMIT_MS) -> None:
        super().__init__(name="pump", daemon=True)
        self._cloud = cloud
        self._idle_limit_ms = idle_limit_ms
        self.hold = hold
        self._pace = Pace(speed, time.monotonic()) if speed else None
        self._target_ms = 0
        self._stopping = False

    def run(self) -> None:
        while not self._stopping:
            try:
                self._turn()
            except StateUnwritable:
                self._rest(0.5)
            except Exception:
                with suppress(OSError):
                    traceback.print_exc()
                self._rest(0.05)

    def _rest(self, seconds: float) -> None:
        with self._cloud.changed:
            self._cloud.changed.notify_all()
            self._cloud.changed.wait(seconds)

    def turn(self) -> bool:
        """Do one due job, or move time forward. Returns False if there is nothing to do yet."""
        with self._cloud.lock:
            until = self._until()
        return self._cloud.step(until)

    def _turn(self) -> None:
        if self.turn():
            return
        with self._cloud.changed:
            if not self._stopping and self._cloud.idle(self._until()):
                self._cloud.changed.notify_all()
                self._cloud.changed.wait(self._patience_s())

    def _until(self) -> int | None:
        """The moment up to which time may move now. None means no limit."""
        cloud, now = self._cloud, self._cloud.clock.now_ms()
        if not cloud.clock.virtual:
            return None
        if self._target_ms > now:
            return self._target_ms
        if self.hold:
            return now
        if self._pace:
            # Timers and their effects alone must not count as work: they would keep the cloud awake for ever.
            self._pace.look(time.monotonic(), now, calls=cloud.outside_calls, work=cloud.scheduler.has_work(after_ms=now))
            return self._pace.until_ms(cloud.scheduler.next_due_ms())
        if cloud.scheduler.has_work():
            return None
        due = cloud.scheduler.next_due_ms()
        return None if due is not None and due <= cloud.last_outside_ms + self._idle_limit_ms else now

    def _patience_s(self) -> float | None:
        due = self._cloud.scheduler.next_due_ms()
        if self._pace and not self.hold and self._cloud.in_flight == 0:
            return self._pace.wait_s(due)
        if self._cloud.clock.virtual or due is None:
            return None
        return max(0.001, (due - self._cloud.clock.now_ms()) / 1000)

    def set_hold(self, hold: bool) -> None:
        """Put virtual time on hold, or let it run again."""
        with self._cloud.changed:
            self.hold = hold
            self._cloud.changed.notify_all()

    @property
    def speed(self) -> float | None:
        """The speed of virtual time relative to real time. None means that it jumps."""
        return self._pace.speed if self._pace else None

    @property
    def asleep(self) -> bool:
        """Whether paced time stands still, because nobody needs it."""
        return bool(self._pace and not self.hold and self._pace.asleep)

    def set_speed(self, speed: float | None) -> None:
        """Set the speed of virtual time. With None it jumps."""
        with self._cloud.changed:
            self._pace = Pace(speed, time.monotonic()) if speed else None
            self._cloud.changed.notify_all()

    def advance(self, span_ms: int, patience_s: float) -> bool:
        """Let virtual time run for ``span_ms``. True once all due jobs are done, False after ``patience_s`` seconds.

        Raises StateUnwritable if the state cannot be written.
        """
        cloud = self._cloud
        with cloud.changed:
            with cloud.db.transaction():
                cloud.db.set_meta("now_ms", str(cloud.clock.now_ms()))
            target = self._target_ms = cloud.clock.now_ms() + span_ms
            cloud.changed.notify_all()
            cloud.changed.wait_for(lambda: bool(cloud.db.unwritable) or self._settled(target), patience_s)
            if cloud.db.unwritable:
                raise StateUnwritable(cloud.db.unwritable)
            return self._settled(target)

    def _settled(self, target_ms: int) -> bool:
        cloud = self._cloud
        due = cloud.scheduler.next_due_ms()
        return cloud.clock.now_ms() >= target_ms and cloud.in_flight == 0 and (due is None or due > target_ms or not self.hold)

    def stop(self) -> None:
        """End the thread, and wait until it has left the cloud."""
        with self._cloud.changed:
            self._stopping = True
            self._cloud.changed.notify_all()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(5.0)
