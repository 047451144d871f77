"""The cloud's time. Virtual time jumps to the next due job when no call is in progress; real time is the machine's."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from functools import lru_cache
from typing import Protocol

START = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
"""The default start of virtual time. It is fixed, so that a seed gives the same run on any day."""


SECONDS, MICROSECONDS = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"
"""The forms in which clients send dates, for ``strptime``."""
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
_SHAPES = {SECONDS: re.compile(_DATE + "Z"), MICROSECONDS: re.compile(_DATE + r"\.[0-9]{6}Z")}


class Clock(Protocol):
    """A clock. It gives milliseconds since the epoch; the cloud stores times in no other form."""

    virtual: bool

    def now_ms(self) -> int: ...


class VirtualClock:
    """Time that stands still until a caller moves it."""

    virtual = True

    def __init__(self, start_ms: int | None = None) -> None:
        self._now_ms = to_ms(START) if start_ms is None else start_ms
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        return self._now_ms

    def advance_to(self, when_ms: int) -> None:
        """Move time forward to ``when_ms``. A moment in the past changes nothing."""
        with self._lock:
            self._now_ms = max(self._now_ms, when_ms)


class RealClock:
    """The machine's own time."""

    virtual = False

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


_skew_s: ContextVar[float] = ContextVar("skew_s", default=0.0)


def wall_s() -> float:
    """The machine's time in seconds, as the current service sees it. Signatures are checked by this time, even if the cloud's clock
    is virtual.
    """
    return time.time() + _skew_s.get()


@contextmanager
def skewed(by_s: float) -> Iterator[None]:
    """A fault: within the block, the service's clock is wrong by this many seconds."""
    token = _skew_s.set(by_s)
    try:
        yield
    finally:
        _skew_s.reset(token)


def to_ms(when: datetime) -> int:
    """An aware time in milliseconds since the epoch."""
    return round(when.timestamp() * 1000)


@lru_cache(maxsize=256)
def seconds_of(text: str, form: str) -> float:
    """The POSIX time of a UTC date that matches ``form``. Raises ValueError.

    Every request carries a date, and ``strptime`` is slow. So the two forms that clients send are parsed without it.
    """
    shape = _SHAPES.get(form)
    if shape and shape.fullmatch(text):
        try:
            return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc).timestamp()
        except ValueError:
            pass  # strptime decides
    return datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp()


def iso(ms: int, *, millis: bool = False) -> str:
    """A time in UTC as ECS and SMC write it (``2026-11-23T08:00:00Z``); milliseconds on request."""
    text = datetime.fromtimestamp(ms // 1000, timezone.utc).isoformat()[:19]
    return f"{text}.{ms % 1000:03d}Z" if millis else f"{text}Z"
